"""Signed checkpoints of the audit log, and the seal on each of its rows.

A checkpoint says "at this time the log had this many entries and this Merkle root", signed with Ed25519 (RFC
8032). Its text is a C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint), so that other tools can read and
countersign it:

    countermark-audit/63a1b2c3d4e5f607              origin: derived from the public key, so one log has one
    name 42                                              entries qL2YGnIbk0X8Wx4c0xqkTzTn0bAz6v3rQ5Q9f3d7mYk=
    root, base64 time 2026-11-22T12:00:00.000000Z                extension line, signed like the rest
                                                    (empty line)
    — countermark-audit/63a1b2c3d4e5f607 <base64 of 4-byte key id || 64-byte signature>

A seal is HMAC-SHA256 over (entries so far, root so far) with a key derived from the signing key (HKDF, RFC
5869). It costs 5 us where a signature costs 80, so every row carries one: whoever lacks the key cannot write
a row that passes, even after the last checkpoint. Checkpoints are for others (public key), seals for the
log's own keeper.

One log, one key: to change the key, start a new log and keep the old one's last checkpoint with it.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from safety.errors import AuditKeyInvalid, CheckpointMalformed

KEY_BYTES = 32
_ED25519 = b"\x01"  # signature type of C2SP signed-note
_NOTE = re.compile(
    r"(?P<origin>[\x21-\x2a\x2c-\x7e]{1,100})\n(?P<size>0|[1-9][0-9]{0,17})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"time (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\n"
    r"\n— (?P<name>[\x21-\x2a\x2c-\x7e]{1,100}) (?P<signature>[A-Za-z0-9+/]{91}=)\n"
)


def format_time(time: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC with six decimals: fixed width, so text order is time order."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One signed statement about the log; nothing is verified by its existence, see `check_signature`."""

    size: int
    root_hex: str
    time: datetime
    origin: str
    key_id: str
    signature: bytes

    @property
    def text(self) -> str:
        """The signed part: origin, size, root and time, each line ended."""
        root = base64.b64encode(bytes.fromhex(self.root_hex)).decode()
        return f"{self.origin}\n{self.size}\n{root}\ntime {format_time(self.time)}\n"

    @property
    def note(self) -> str:
        """The whole signed note, as in the module docstring."""
        signature = base64.b64encode(bytes.fromhex(self.key_id) + self.signature).decode()
        return f"{self.text}\n— {self.origin} {signature}\n"

    @classmethod
    def parse(cls, note: str) -> "Checkpoint":
        """Read the form written by `note`; the signature is NOT verified.

        Raises:
            CheckpointMalformed: the text has another form.

        """
        match = _NOTE.fullmatch(note)
        if match is None or match["name"] != match["origin"]:
            raise CheckpointMalformed(
                f"checkpoint: got {note[:80]!r}, expected origin, size, root, time and signature lines, "
                "use a note as the log wrote it"
            )
        try:
            root = base64.b64decode(match["root"], validate=True)
            signature = base64.b64decode(match["signature"], validate=True)
            time = datetime.fromisoformat(match["time"])
        except (ValueError, binascii.Error) as error:
            raise CheckpointMalformed(
                f"checkpoint: got {error}, expected base64 and a time, use a note as the log wrote it"
            ) from error
        checkpoint = cls(
            int(match["size"]), root.hex(), time, match["origin"], signature[:4].hex(), signature[4:]
        )
        if checkpoint.note != note:  # base64 has spare bits: accept one spelling only
            raise CheckpointMalformed(
                "checkpoint: got a second spelling of it, expected the one the log wrote, use that"
            )
        return checkpoint


class LogKey:
    """The signing key of one log: signs checkpoints and seals rows.

    Raises:
        AuditKeyInvalid: the seed is not 32 bytes.

    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise AuditKeyInvalid(
                f"audit signing key: got {len(seed)} bytes, expected {KEY_BYTES} (an Ed25519 seed), "
                "give the key that the log was made with"
            )
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._seal_key = HKDF(hashes.SHA256(), 32, salt=None, info=b"countermark audit row seal 1").derive(
            seed
        )
        self.public_key: bytes = self._private.public_key().public_bytes_raw()
        self.origin = origin_of(self.public_key)

    def sign(self, size: int, root: bytes, time: datetime) -> Checkpoint:
        """Return the checkpoint over `size` entries with this root (32 bytes) at this aware time."""
        key_id = key_id_of(self.origin, self.public_key)
        unsigned = Checkpoint(size, root.hex(), time.astimezone(UTC), self.origin, key_id, b"")
        signature = self._private.sign(unsigned.text.encode())
        return Checkpoint(size, unsigned.root_hex, unsigned.time, self.origin, key_id, signature)

    def seal(self, size: int, root: bytes) -> bytes:
        """Return the 32-byte seal of the row that brought the log to `size` entries and this root."""
        return hmac.digest(self._seal_key, size.to_bytes(8, "big") + root, "sha256")


def check_signature(checkpoint: Checkpoint, public_key: bytes) -> bool:
    """Tell whether the holder of `public_key` (32 bytes, Ed25519) signed this under its own origin."""
    origin = origin_of(public_key)
    if checkpoint.origin != origin or checkpoint.key_id != key_id_of(origin, public_key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(checkpoint.signature, checkpoint.text.encode())
    except InvalidSignature:
        return False
    return True


def origin_of(public_key: bytes) -> str:
    """Return the name of the log that this public key (32 bytes) signs."""
    return f"countermark-audit/{hashlib.sha256(public_key).hexdigest()[:16]}"


def key_id_of(name: str, public_key: bytes) -> str:
    """Return the C2SP key id: the first 4 bytes of SHA-256(name, newline, type, key) as 8 hex digits."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).hexdigest()[:8]


def verifier_key(public_key: bytes) -> str:
    """Return the public key as other signed-note tools take it: name+id+base64(type, key)."""
    encoded = base64.b64encode(_ED25519 + public_key).decode()
    origin = origin_of(public_key)
    return f"{origin}+{key_id_of(origin, public_key)}+{encoded}"


def parse_verifier_key(text: str) -> bytes:
    """Return the public key (32 bytes) that `verifier_key` wrote as `text`.

    Raises:
        AuditKeyInvalid: it wrote no such text.

    """
    try:
        _, _, encoded = text.strip().split("+", 2)  # base64 has "+" as well
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        blob = b""
    if len(blob) == 1 + KEY_BYTES and verifier_key(blob[1:]) == text.strip():
        return blob[1:]
    raise AuditKeyInvalid(
        f"public key: got {text[:80]!r}, expected countermark-audit/<id>+<key id>+<base64>, as `countermark audit key` "
        "prints it"
    )
