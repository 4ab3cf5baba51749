"""Signing with a key that never leaves a hardware module: PKCS#11 2.40, as HSMs, smart cards and SoftHSM speak it.

One session is kept open and used by one thread at a time; when the module has lost it (restart, removed card), it is
opened anew once for each signature. The PIN is read from a file at each opening, so that it is not kept in memory and
can change. Digests are made here, so that only the plain mechanisms CKM_ECDSA and CKM_RSA_PKCS_PSS are needed.
"""

import contextlib
import hashlib
import threading
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from service.errors import StartupError
from service.key_files import read_file
from service.settings import Settings
from watermark.errors import SigningError
from watermark.signing import algorithm_of

try:
    import pkcs11
    from pkcs11 import MGF, Mechanism, ObjectClass
except ImportError as error:
    raise StartupError(
        "signing_pkcs11_module: python-pkcs11 is not installed; pip install 'countermark[hsm]'."
    ) from error

_DIGESTS: Final = {"es256": "sha256", "es384": "sha384", "es512": "sha512", "ps256": "sha256"}


class Pkcs11Key:
    """One private key in a token, called to sign; safe to share between threads.

    Args:
        module: path of the vendor's library.
        token: label of the token.
        key: label of the private key.
        pin_file: file with the user PIN.
        algorithm: what to sign with, by its C2PA name.

    """

    def __init__(self, module: str, token: str, key: str, pin_file: Path, algorithm: str) -> None:
        self._module, self._token, self._label = module, token, key
        self._pin_file, self._algorithm = pin_file, algorithm
        self._lock = threading.Lock()
        self._session: Any = None
        self._key: Any = None

    def __call__(self, data: bytes) -> bytes:
        """Return the signature over `data`; ECDSA as r and s joined.

        Raises:
            SigningError: the module did not sign.

        """
        with self._lock:
            try:
                if self._key is not None:
                    return self._sign(data)
            except pkcs11.PKCS11Error:  # the session may be gone: once more with a new one
                self._drop()
            try:
                self._open()
                return self._sign(data)
            except (pkcs11.PKCS11Error, RuntimeError) as error:  # RuntimeError: the library cannot be loaded
                self._drop()
                what = str(error) or type(error).__name__
                raise SigningError(
                    f"signing key {self._label!r} in token {self._token!r}: the PKCS#11 module did not sign ({what}), "
                    "check module, token, key label and PIN"
                ) from error

    def _open(self) -> None:
        pin = read_file(self._pin_file).decode("utf-8", "replace").strip()
        token = pkcs11.lib(self._module).get_token(token_label=self._token)
        try:
            self._session = token.open(user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:  # a login holds for all sessions of a process: another one made it
            self._session = token.open()
        self._key = self._session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=self._label)

    def close(self) -> None:
        """End the session; the next signature opens another."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        session, self._session, self._key = self._session, None, None
        if session is not None:
            with contextlib.suppress(pkcs11.PKCS11Error):  # it may be gone already
                session.close()

    def _sign(self, data: bytes) -> bytes:
        if self._algorithm == "ed25519":
            return bytes(self._key.sign(data, mechanism=Mechanism.EDDSA))
        digest = hashlib.new(_DIGESTS[self._algorithm], data).digest()
        if self._algorithm == "ps256":
            salted = (Mechanism.SHA256, MGF.SHA256, 32)
            return bytes(self._key.sign(digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=salted))
        return bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA))


def open_pkcs11_key(settings: Settings, chain_pem: bytes) -> Pkcs11Key:
    """Prepare the key that the settings name; the algorithm is that of the chain's leaf.

    Raises:
        StartupError: a setting is missing.
        SigningError: the chain has no certificate, or one of a kind that C2PA does not know.

    """
    token, key, pin_file = (
        settings.signing_pkcs11_token,
        settings.signing_pkcs11_key,
        settings.signing_pkcs11_pin_file,
    )
    if settings.signing_pkcs11_module is None or not token or not key or pin_file is None:
        raise StartupError(
            "signing_pkcs11_module: signing_pkcs11_token, signing_pkcs11_key and signing_pkcs11_pin_file are needed "
            "too."
        )
    try:
        leaf = x509.load_pem_x509_certificates(chain_pem)[0]
    except ValueError as error:
        raise SigningError("signing chain: got no readable certificate, expected PEM blocks") from error
    return Pkcs11Key(
        str(settings.signing_pkcs11_module), token, key, pin_file, algorithm_of(leaf.public_key())
    )
