"""Sign a finished file with one identity; see `watermark.manifest` for the rules."""

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from c2pa import Builder, C2paError, C2paSignerInfo, C2paSigningAlg, Signer

from watermark.c2pa_settings import signing_context
from watermark.errors import ManifestError, SigningError, TimestampError
from watermark.label import AiLabel
from watermark.manifest_claim import SOFT_BINDING_ALG, SOURCE_IDS, manifest_definition
from watermark.manifest_cost import MeteredStream, is_affordable
from watermark.manifest_reader import BLANK_PNG, STORE_OPENING, TrustAnchors, read_manifest
from watermark.signing import SigningIdentity, prove_key
from watermark.untrusted_text import clean_text

SIGNABLE: Final = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/avif")

_THUMBNAIL: Final = "thumbnail.jpg"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a picture was made from, and what the manifest says of it.

    Attributes:
        data: the whole file; its own manifest is carried along, valid or not.
        mime: its MIME type.
        title: what viewers call it.
        thumbnail: a JPEG of it, or None.

    """

    data: bytes
    mime: str
    title: str = "source"
    thumbnail: bytes | None = None

    @property
    def as_unreadable(self) -> "Source":
        """What to name instead when the file's own manifest cannot be carried along."""
        title = f"{self.title}, its Content Credentials unreadable"
        return Source(BLANK_PNG, "image/png", title, self.thumbnail)


@dataclass(frozen=True, slots=True)
class SignedPicture:
    """A signed file, its manifest store alone, and the manifest's `urn:c2pa:` label."""

    data: bytes
    manifest: bytes
    manifest_id: str


class ManifestSigner:
    """Signs pictures with one identity.

    Args:
        identity: chain and key; its root, where there is one, is what the result is checked against.
        tsa_url: RFC 3161 timestamp authority, called once a signature; None signs without a timestamp, and such
            a manifest reads as invalid once the certificate expires.

    Raises:
        ManifestError: the library refuses the identity.
        SigningError: its key, kept elsewhere, does not sign or belongs to another chain.

    """

    def __init__(self, identity: SigningIdentity, *, tsa_url: str | None = None) -> None:
        prove_key(identity)
        self._identity = identity
        self._tsa_url = tsa_url
        self._trust = TrustAnchors(identity.root_pem)
        self._remote_failure = _RemoteFailure()
        try:
            self._signer = _library_signer(identity, self._remote_failure, tsa_url)
        except C2paError as error:
            raise ManifestError(
                f"manifest: the signing identity is refused ({clean_text(str(error))})"
            ) from error

    def sign(
        self,
        data: bytes,
        mime: str,
        label: AiLabel,
        *,
        soft_binding: str,
        other_bindings: Sequence[tuple[str, str]] = (),
        sources: Sequence[Source] = (),
        title: str | None = None,
        thumbnail: bytes | None = None,
    ) -> SignedPicture:
        """Sign a finished file.

        Args:
            data: an unsigned PNG, JPEG, WebP, GIF, TIFF or AVIF file, metadata already inside.
            mime: its MIME type.
            label: what the manifest says.
            soft_binding: the invisible watermark's payload, 16 hex digits.
            other_bindings: further (algorithm, value) pairs by which a copy can be found, fingerprints say.
            sources: up to 16 files that this picture was made from, the parent first; needed when that one was
                signed. A manifest that cannot be parsed or afforded is left out, and the ingredient's title says so.
            title: shown by viewers; default "image".
            thumbnail: a JPEG of this picture for viewers and for the recovery of stripped copies, or None.

        Raises:
            TimestampError: the timestamp authority failed; nothing was signed.
            SigningError: the key that is kept elsewhere did not sign.
            ManifestError: anything else, a file that already carries a manifest included.

        """
        if mime not in SIGNABLE:
            raise ManifestError(f"manifest: got {mime!r}, expected one of {', '.join(SIGNABLE)}")
        if STORE_OPENING in data:
            raise ManifestError(
                "manifest: got a file that is already signed, give it as source and sign a fresh copy"
            )
        if len(sources) > len(SOURCE_IDS):
            raise ManifestError(f"manifest: got {len(sources)} sources, expected at most {len(SOURCE_IDS)}")
        definition = manifest_definition(
            label,
            mime=mime,
            soft_bindings=[(SOFT_BINDING_ALG, soft_binding), *other_bindings],
            title=title or "image",
            sources=len(sources),
        )
        readable = [
            source if is_affordable(source.data, source.mime) else source.as_unreadable for source in sources
        ]
        try:
            return self._signed(definition, data, mime, readable, thumbnail)
        except (TimestampError, SigningError):
            raise
        except ManifestError:  # a source's manifest cannot be carried along; anything else recurs below
            if not sources:
                raise
        return self._signed(definition, data, mime, [source.as_unreadable for source in sources], thumbnail)

    def _signed(
        self,
        definition: dict[str, Any],
        data: bytes,
        mime: str,
        sources: Sequence[Source],
        thumbnail: bytes | None,
    ) -> SignedPicture:
        """Build, sign and read back."""
        out = io.BytesIO()
        shown = {} if thumbnail is None else {"thumbnail": _thumbnail(_THUMBNAIL)}
        try:
            builder = Builder(definition | shown, context=signing_context(self._identity.root_pem))
            if thumbnail is not None:
                builder.add_resource(_THUMBNAIL, io.BytesIO(thumbnail))
            for number, source in enumerate(sources):
                _add_source(builder, source, number)
            manifest = builder.sign(self._signer, mime, io.BytesIO(data), out)
        except C2paError as error:
            reason = clean_text(str(error))
            failed = self._remote_failure.take()
            if failed is not None:
                raise failed from error
            # The key was checked when it was loaded, so a failing signature step means a failing authority.
            if self._tsa_url and isinstance(error, C2paError.Signature):
                raise TimestampError(f"manifest: the timestamp authority failed ({reason}), retry") from error
            raise ManifestError(f"manifest: signing failed ({reason})") from error
        signed = out.getvalue()
        report = read_manifest(signed, mime, trust=self._trust)
        if report.status != "valid" or report.integrity != "ok" or report.manifest_id is None:
            raise ManifestError(f"manifest: the signed file does not validate ({', '.join(report.failures)})")
        return SignedPicture(signed, bytes(manifest), report.manifest_id)


class _RemoteFailure(threading.local):
    """Why a key that is kept elsewhere did not sign: the library drops what its callback raises."""

    error: SigningError | None = None

    def take(self) -> SigningError | None:
        """Return the reason once."""
        error, self.error = self.error, None
        return error


def _library_signer(identity: SigningIdentity, failure: _RemoteFailure, tsa_url: str | None) -> Signer:
    """Hand the key, or a callback to where it is kept, to the library."""
    remote = identity.sign_remotely
    if remote is None:
        url = tsa_url.encode() if tsa_url else None
        return Signer.from_info(
            C2paSignerInfo(identity.algorithm.encode(), identity.chain_pem, identity.key_pem, url)
        )

    def sign(data: bytes) -> bytes:
        try:
            return remote(data)
        except SigningError as error:
            failure.error = error
            raise

    algorithm = C2paSigningAlg[identity.algorithm.upper()]
    return Signer.from_callback(sign, algorithm, identity.chain_pem.decode("ascii"), tsa_url)


def _add_source(builder: Builder, source: Source, number: int) -> None:
    """Add one ingredient: the first is the parent, the others are inputs of the edit."""
    name = SOURCE_IDS[number]
    ingredient: dict[str, Any] = {"title": source.title, "relationship": "inputTo" if number else "parentOf"}
    ingredient |= {"label": name, "instance_id": name}
    if source.thumbnail is not None:
        ingredient["thumbnail"] = _thumbnail(f"{name}.jpg")
        builder.add_resource(f"{name}.jpg", io.BytesIO(source.thumbnail))
    builder.add_ingredient(ingredient, source.mime, MeteredStream(source.data))


def _thumbnail(identifier: str) -> dict[str, str]:
    return {"format": "image/jpeg", "identifier": identifier}
