"""The keys that verification receipts are signed with: P-256, one file each, in `<data_dir>/keys/receipts`.

The newest key signs; all of them are published, so that receipts of earlier keys stay verifiable. To rotate, add a
key (`countermark receipt rotate`); a running service uses it at once, because the folder is read for each receipt.
To withdraw a key, delete its file: its receipts then verify no more. A key's id is its RFC 7638 thumbprint.
"""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from joserfc.jwk import ECKey, KeyParameters

from service.errors import StartupError

ALGORITHM: Final = "ES256"
FOLDER: Final = "receipts"


class ReceiptKeys:
    """The keys in one folder, made on first use (mode 0600 in a 0700 folder); two processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def signing_key(self, now: datetime) -> ECKey:
        """Return the newest key; the first one is made at `now`.

        Raises:
            StartupError: the folder or a key in it cannot be used.

        """
        keys = self._load()
        return keys[-1] if keys else self.add(now)

    def add(self, now: datetime) -> ECKey:
        """Make a key that signs from now on.

        Raises:
            StartupError: it cannot be written.

        """
        key = ECKey.generate_key("P-256", private=True)
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}.pem"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            staged = self._folder / f".{name}"
            descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key.as_pem(private=True))
                file.flush()
                os.fsync(file.fileno())
            staged.rename(self._folder / name)
        except OSError as error:
            raise StartupError(f"receipt key: {error}. Make {self._folder} writable.") from error
        return _named(key)

    def published(self) -> dict[str, Any]:
        """Return the public halves as a JSON Web Key Set (RFC 7517), the newest first.

        Raises:
            StartupError: the folder or a key in it cannot be used.

        """
        return {"keys": [key.as_dict(private=False) for key in reversed(self._load())]}

    def _load(self) -> list[ECKey]:
        """Return the keys, the oldest first: their names begin with the time."""
        return [_read(path) for path in sorted(self._folder.glob("[0-9]*.pem"))]


def _read(path: Path) -> ECKey:
    try:
        return _named(ECKey.import_key(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise StartupError(
            f"receipt key: {path} cannot be used ({type(error).__name__}), expected a P-256 key in PEM; "
            "restore or delete it."
        ) from error


def _named(key: ECKey) -> ECKey:
    """Give the key its id, use and algorithm."""
    named: KeyParameters = {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    return ECKey.import_key(key.as_pem(private=True), named)
