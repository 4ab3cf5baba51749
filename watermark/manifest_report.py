"""What a validated C2PA manifest means: turning the library's status codes into separate answers.

"Invalid" alone must never be shown as tampered: a real file can be Invalid only because its signer's
certificate expired. So four questions are answered apart, each from C2PA status codes (specification 2.4):

* integrity: do the signed hashes fit this file and the manifest's own parts?
* signature_valid: was the claim signed by the key of the named certificate?
* trusted: does that certificate lead to one of our anchors?
* expired: was it outside its validity when it counted?
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from watermark.label import says_ai, source_term
from watermark.signing import SigningIdentity
from watermark.untrusted_text import clean_text

Status = Literal["valid", "invalid", "not_present", "recovered"]

# Failures that speak about the signer's standing, never about the content.
_CREDENTIAL_PREFIXES: Final = ("signingCredential.", "timeStamp.", "cawg.")
_EXPIRED: Final = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})
_HARD_BINDINGS: Final = ("assertion.dataHash", "assertion.bmffHash", "assertion.boxesHash")
_BINDING_MATCHES: Final = frozenset(name + ".match" for name in _HARD_BINDINGS)
_BINDING_MISMATCHES: Final = frozenset(name + ".mismatch" for name in _HARD_BINDINGS)
_SIGNATURE_OK: Final = "claimSignature.validated"
# The first code alone says that the timestamp fits, whoever made it; the second, that its authority is trusted, but
# c2pa-rs 0.91 gives that to every authority where the claim is of version 1 ("legacy timestamp cert trusted").
_TIMESTAMP_OK: Final = frozenset({"timeStamp.validated", "timeStamp.trusted"})

# `validation_status` of older manifests mixes what held with what failed.
_GOOD_ENDINGS: Final = (".match", ".validated", ".trusted", ".insideValidity", ".accessible")
_MANIFEST_OF_URL: Final = re.compile(r"jumbf=/c2pa/([^/]+)")
_METADATA_LABELS: Final = ("cawg.metadata", "c2pa.metadata", "stds.iptc", "stds.iptc.photo-metadata")
_MAX_PARENTS: Final = 10
_MAX_LISTED: Final = 64


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """Answers about the Content Credentials of one file. Texts are cleaned and cut to 200 characters.

    Attributes:
        status: `valid` and `invalid` as C2PA's validation state; `recovered` when a stored manifest was
            given, is sound in itself, and this file did not carry it; `not_present`.
        integrity: `ok` when the signature and every signed hash hold, for `recovered` those inside the
            manifest; `failed` when any does not. None without a manifest, and where it cannot be read.
        changed: whether a hash under a valid signature shows that the file or its manifest was changed after it was
            signed; None as for `integrity`.
        signature_valid: whether the claim signature verifies; None without a manifest.
        trusted: whether the signer leads to an anchor; None without a manifest or valid signature.
        expired: whether the certificate was out of date with no trusted timestamp to help; None as above.
        pixels_match: whether the manifest's hash fits this file's bytes; None without a manifest.
        signer: common name of the signing certificate, only while its signature holds.
        issuer: its organisation, likewise.
        signer_serial: its serial number, decimal, likewise.
        signed_at: RFC 3339 time of a timestamp whose authority leads to an anchor, else None: anyone can run one.
        claim_generator: name and version of the program, as claimed.
        manifest_id: label of the active manifest, `urn:c2pa:...`.
        digital_source_type: first source type claimed by actions, metadata or parents.
        ai_generated: True when any of those says so, False when one says capture or human work and none says
            AI, else None. A claim: rely on it only where integrity is ok.
        actions: names of the active manifest's actions in order.
        soft_bindings: (algorithm, value) pairs of the active manifest.
        ingredients: how many the active manifest names.
        codes: C2PA status codes verbatim, failures first.
        failures: those that are failures, of the active manifest and its ingredients.
        notes: what the codes do not say, in words.

    """

    status: Status
    integrity: Literal["ok", "failed"] | None = None
    changed: bool | None = None
    signature_valid: bool | None = None
    trusted: bool | None = None
    expired: bool | None = None
    pixels_match: bool | None = None
    signer: str | None = None
    issuer: str | None = None
    signer_serial: str | None = None
    signed_at: str | None = None
    claim_generator: str | None = None
    manifest_id: str | None = None
    digital_source_type: str | None = None
    ai_generated: bool | None = None
    actions: tuple[str, ...] = ()
    soft_bindings: tuple[tuple[str, str], ...] = ()
    ingredients: int = 0
    codes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def signer_is(self, identity: SigningIdentity) -> bool:
        """Tell whether a valid signature names the leaf certificate of `identity`."""
        return self.signer == clean_text(identity.subject) and self.signer_serial == str(identity.serial)


def report_of(store: Mapping[str, Any], *, recovered: bool) -> ManifestReport:
    """Interpret the reader's JSON report.

    Args:
        store: the parsed report: `validation_state`, `validation_results`, `active_manifest`, `manifests`.
        recovered: the manifest did not come with the file but from our own store.

    """
    results = object_of(store.get("validation_results"))
    active_results = object_of(results.get("activeManifest"))
    success = _codes(active_results.get("success"))
    own_failures = _codes(active_results.get("failure"))
    ingredient_failures = [
        code
        for delta in objects_of(results.get("ingredientDeltas"))
        for code in _codes(object_of(delta.get("validationDeltas")).get("failure"))
    ]
    failures = [*own_failures, *ingredient_failures]
    signed = _SIGNATURE_OK in success and not any(
        code.startswith("claimSignature.") and code not in _EXPIRED for code in own_failures
    )
    bound = bool(_BINDING_MATCHES & set(success)) and not _BINDING_MISMATCHES & set(own_failures)
    broken = [code for code in failures if _is_fault(code)]
    if recovered:
        broken = [code for code in broken if code not in _BINDING_MISMATCHES]
    intact = signed and not broken and (bound or recovered)

    manifest_id = clean_text(store.get("active_manifest")) or None
    manifests = object_of(store.get("manifests"))
    manifest = object_of(manifests.get(store.get("active_manifest", "")))
    signature = object_of(manifest.get("signature_info")) if signed else {}
    source_types = list(_source_types(manifest, manifests))
    claims = {says_ai(uri) for uri in source_types} | ({True} if _says_ai_in_words(manifest) else set())
    status: Status = "valid" if store.get("validation_state") in ("Trusted", "Valid") else "invalid"
    if recovered:
        status = "recovered" if intact else "invalid"
    informational = _codes(active_results.get("informational"))
    legacy = manifest.get("claim_version") in {None, 1}
    stamped = set(success) >= _TIMESTAMP_OK and not legacy
    return ManifestReport(
        status=status,
        integrity="ok" if intact else "failed",
        changed=signed and any(code.endswith(".mismatch") for code in broken if code in own_failures),
        signature_valid=signed,
        trusted=("signingCredential.trusted" in success) if signed else None,
        expired=bool(_EXPIRED & set(own_failures)) if signed else None,
        pixels_match=bound,
        signer=clean_text(signature.get("common_name")) or None,
        issuer=clean_text(signature.get("issuer")) or None,
        signer_serial=clean_text(signature.get("cert_serial_number")) or None,
        signed_at=clean_text(signature.get("time")) or None if stamped else None,
        claim_generator=claim_generator(manifest),
        manifest_id=manifest_id,
        digital_source_type=source_types[0] if source_types else None,
        ai_generated=True if True in claims else (False if False in claims else None),
        actions=action_names(actions_of(manifest)),
        soft_bindings=tuple(_soft_bindings(manifest))[:_MAX_LISTED],
        ingredients=len(objects_of(manifest.get("ingredients"))),
        codes=tuple(dict.fromkeys([*failures, *informational, *success]))[:_MAX_LISTED],
        failures=tuple(dict.fromkeys(failures))[:_MAX_LISTED],
        notes=tuple(
            _notes(
                manifest,
                in_record=bool(set(broken) - set(own_failures)),
                unknown_authority="timeStamp.validated" in success and not stamped,
            )
        ),
    )


def _notes(manifest: Mapping[str, Any], *, in_record: bool, unknown_authority: bool) -> Iterator[str]:
    """Say what the codes do not."""
    if unknown_authority:
        yield "their timestamp is of an authority that is not known to be trusted, so its time is not relied on"
    if in_record:
        yield "the fault is in the record of an ingredient"
    if any(recorded_faults(ingredient) for ingredient in objects_of(manifest.get("ingredients"))):
        yield "the credentials of an ingredient were broken already when it was taken in"


def _source_types(manifest: Mapping[str, Any], manifests: Mapping[str, Any]) -> Iterator[str]:
    """Walk the manifest, then its chain of parents, for digital source types that are real URIs."""
    for _ in range(_MAX_PARENTS):
        stated = [action.get("digitalSourceType") for action in actions_of(manifest)]
        stated += [
            object_of(assertion.get("data")).get("Iptc4xmpExt:DigitalSourceType")
            for assertion in _assertions(manifest, *_METADATA_LABELS)
        ]
        for uri in stated:
            if isinstance(uri, str) and source_term(uri):
                yield uri.strip()
        parents = [i for i in objects_of(manifest.get("ingredients")) if i.get("relationship") == "parentOf"]
        manifest = object_of(manifests.get(parents[0].get("active_manifest", ""))) if parents else {}


def _says_ai_in_words(manifest: Mapping[str, Any]) -> bool:
    """Recognise two declarations older than the source type: a private label, and Microsoft's description."""
    if any(True for _ in _assertions(manifest, "c2pa.ai_generated_content")):
        return True
    return any(
        clean_text(action.get("description")).lower().startswith("ai generated")
        for action in actions_of(manifest)
    )


def _assertions(manifest: Mapping[str, Any], *labels: str) -> Iterator[Mapping[str, Any]]:
    """Yield assertions by label; a second one of a kind is labelled `label__1`."""
    for assertion in objects_of(manifest.get("assertions")):
        if clean_text(assertion.get("label")).split("__")[0] in labels:
            yield assertion


def actions_of(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a manifest's actions in order."""
    for assertion in _assertions(manifest, "c2pa.actions", "c2pa.actions.v2"):
        yield from objects_of(object_of(assertion.get("data")).get("actions"))


def action_names(actions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Name the actions that have a name."""
    names = (clean_text(action.get("action"), 60) for action in actions)
    return tuple(name for name in names if name)[:_MAX_LISTED]


def _soft_bindings(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for assertion in _assertions(manifest, "c2pa.soft-binding"):
        data = object_of(assertion.get("data"))
        for block in objects_of(data.get("blocks")):
            yield clean_text(data.get("alg")), clean_text(block.get("value"))


def claim_generator(manifest: Mapping[str, Any]) -> str | None:
    """Name the program that made a manifest, as it claims."""
    info = objects_of(manifest.get("claim_generator_info"))
    if info:
        return clean_text(f"{clean_text(info[0].get('name'))} {clean_text(info[0].get('version'))}") or None
    return clean_text(manifest.get("claim_generator")) or None


def faulty_manifests(store: Mapping[str, Any]) -> frozenset[str]:
    """Name the manifests of a store in which validation found a fault, the signer's standing apart."""
    results = object_of(store.get("validation_results"))
    failed = list(objects_of(object_of(results.get("activeManifest")).get("failure")))
    for delta in objects_of(results.get("ingredientDeltas")):
        failed += objects_of(object_of(delta.get("validationDeltas")).get("failure"))
    labels = set()
    for entry in failed:
        if _is_fault(clean_text(entry.get("code"), 80)):
            found = _MANIFEST_OF_URL.search(str(entry.get("url", "")))
            # a fault that names no manifest by itself is the active one's
            labels.add(found.group(1) if found else str(store.get("active_manifest", "")))
    return frozenset(labels)


def recorded_faults(ingredient: Mapping[str, Any]) -> tuple[str, ...]:
    """List the faults that whoever took the ingredient in found in it and wrote down."""
    results = object_of(object_of(ingredient.get("validation_results")).get("activeManifest"))
    codes = [*_codes(results.get("failure")), *_codes(ingredient.get("validation_status"))]
    return tuple(code for code in codes if _is_fault(code) and not code.endswith(_GOOD_ENDINGS))[:_MAX_LISTED]


def _is_fault(code: str) -> bool:
    return not code.startswith(_CREDENTIAL_PREFIXES) and code not in _EXPIRED


def _codes(entries: object) -> list[str]:
    return [code for entry in objects_of(entries) if (code := clean_text(entry.get("code"), 80))]


def object_of(value: object) -> Mapping[str, Any]:
    """Return a JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> Sequence[Mapping[str, Any]]:
    """Return the JSON objects of a list, none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
