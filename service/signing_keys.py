"""Which identity signs: one in a hardware module, one in PEM files, or the development identity of this installation.

The development identity is made on first start. Two processes that start at once agree: its folder appears by an
atomic rename, the loser reads the winner's.
"""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from service.errors import StartupError
from service.key_files import read_file, write_private
from service.settings import Settings
from watermark.signing import (
    SigningIdentity,
    create_development_identity,
    load_identity,
    load_remote_identity,
)


def open_identity(settings: Settings, folder: Path, now: datetime) -> SigningIdentity:
    """Open the identity that the settings name, else the development identity under `folder`.

    Raises:
        StartupError: a file cannot be read, or the module cannot be used.
        SigningError: chain and key cannot sign C2PA manifests.

    """
    chain_file, key_file, module = (
        settings.signing_chain_file,
        settings.signing_key_file,
        settings.signing_pkcs11_module,
    )
    if (chain_file is None) != (key_file is None and module is None) or (key_file and module):
        raise StartupError(
            "signing: expected signing_chain_file together with one of signing_key_file and signing_pkcs11_module, "
            "or none of them."
        )
    if chain_file and module:
        from service.signing_pkcs11 import open_pkcs11_key  # noqa: PLC0415 - needs the extra "hsm"

        chain = read_file(chain_file)
        return load_remote_identity(chain, open_pkcs11_key(settings, chain), now=now)
    if chain_file and key_file:
        return load_identity(read_file(chain_file), read_file(key_file), now=now)
    return _development(folder / "development-signing", now)


def _development(home: Path, now: datetime) -> SigningIdentity:
    if not home.exists():
        made = create_development_identity(now)
        staged = Path(tempfile.mkdtemp(prefix=".development-signing.", dir=home.parent))
        for name, pem in (("chain", made.chain_pem), ("key", made.key_pem), ("root", made.root_pem)):
            write_private(staged / f"{name}.pem", pem or b"")
        try:
            staged.rename(home)
        except OSError:
            shutil.rmtree(staged)  # another process was first
            if not home.exists():
                raise
    return load_identity(*(read_file(home / f"{name}.pem") for name in ("chain", "key", "root")))
