"""Keys of this installation: watermark key, signing identity, audit key, prompt-hash key.

On first start everything that settings do not name is made as a DEVELOPMENT key under `<data_dir>/keys`,
directory mode 0700, files 0600, names beginning with "development-" where a real deployment must bring its
own. Two processes that start at once agree: files appear by an atomic link or rename, the loser reads the
winner's. Which identity signs is `service.signing_keys`.
"""

import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from service.errors import StartupError
from service.key_files import read_file, write_private
from service.settings import Settings
from service.signing_keys import open_identity
from watermark import key_id
from watermark.errors import SigningError
from watermark.signing import SigningIdentity

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets, loaded once at start."""

    watermark: bytes = field(repr=False)
    identity: SigningIdentity
    audit: bytes = field(repr=False)
    prompt_hash: bytes = field(repr=False)
    development_watermark: bool
    old_watermarks: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def development(self) -> bool:
        """True when the watermark key or the signing identity was made on first start."""
        return self.development_watermark or self.identity.development

    @property
    def watermark_key_id(self) -> str:
        """Eight hex digits that name the watermark key without revealing it."""
        return key_id(self.watermark)

    @property
    def all_watermarks(self) -> tuple[bytes, ...]:
        """The key that marks, then the ones that marked before it: all are looked for."""
        return (self.watermark, *self.old_watermarks)


def load_or_create_keys(settings: Settings, now: datetime) -> Keys:
    """Load the keys that `settings` name and make the missing ones.

    Raises:
        StartupError: a file is unreadable, malformed, or readable by other users' groups.

    """
    folder = settings.data_dir / "keys"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        if settings.watermark_key_file is not None:
            watermark = read_key_file(settings.watermark_key_file)
        else:
            watermark = _secret(folder / "development-watermark.key")
        return Keys(
            watermark=watermark,
            identity=open_identity(settings, folder, now),
            audit=_secret(folder / "audit-checkpoint.key"),
            prompt_hash=_secret(folder / "prompt-hash.key"),
            development_watermark=settings.watermark_key_file is None,
            old_watermarks=tuple(read_key_file(path) for path in settings.watermark_old_key_files),
        )
    except OSError as error:
        raise StartupError(f"keys: {error}. Make {folder} writable or choose another --data-dir.") from error
    except SigningError as error:
        raise StartupError(f"signing identity: {error}") from error


def read_key_file(path: Path) -> bytes:
    """Read a watermark key: 16..64 bytes in hex, white space ignored.

    Raises:
        StartupError: the file is missing or is not such a key.

    """
    try:
        key = bytes.fromhex("".join(read_file(path).decode("ascii").split()))
    except (UnicodeDecodeError, ValueError) as error:
        raise StartupError(f"key file {path}: expected 16..64 bytes in hex (32..128 digits).") from error
    if not 16 <= len(key) <= 64:
        raise StartupError(f"key file {path}: got {len(key)} bytes, expected 16..64.")
    return key


def _secret(path: Path) -> bytes:
    """Return the 32 bytes in `path` (hex), made on first use."""
    if not path.exists():
        staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        write_private(staged, secrets.token_hex(KEY_BYTES).encode() + b"\n")
        try:
            os.link(staged, path)
        except FileExistsError:
            pass  # another process was first: its key is the key
        finally:
            staged.unlink()
    return read_key_file(path)
