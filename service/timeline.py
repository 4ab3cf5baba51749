"""The history that Content Credentials tell, as it may be shown to anyone: steps in order, the oldest first.

Titles of pictures are left out: they are mostly file names, and file names name people. Everything here is claimed by
a signer; whether the claims hold is the Content Credentials' own answer.

The picture's own manifest is as sound as the report on it says: a recovered one does not fit this copy's bytes, and
is sound all the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from service.verification_report import TimelineStep
from watermark.manifest import ManifestReport
from watermark.manifest_timeline import Credential

MOST_STEPS: Final = 60
UNSIGNED_SOURCE: Final = "unsigned source"  # stands where a picture without credentials went in


def tell(credentials: Sequence[Credential], report: ManifestReport) -> list[TimelineStep]:
    """Return the steps of all credentials, given the picture's own first; the newest `MOST_STEPS` of them."""
    if credentials:
        own = replace(credentials[0], sound=report.integrity == "ok", signer=report.signer)
        credentials = (own, *credentials[1:])
    deepest_first = sorted(credentials, key=lambda one: -one.depth)  # stable: siblings keep their order
    steps = [step for credential in deepest_first for step in _steps(credential)]
    return steps[-MOST_STEPS:]


def _steps(credential: Credential) -> Iterator[TimelineStep]:
    for ingredient in credential.ingredients:
        if ingredient.manifest_id is None:
            yield TimelineStep(action=UNSIGNED_SOURCE, depth=credential.depth + 1)
    for step in credential.steps:
        yield TimelineStep(
            action=step.action,
            when=step.when,
            program=step.software or credential.claim_generator,
            signer=credential.signer,
            digital_source_type=step.digital_source_type,
            manifest_id=credential.manifest_id,
            depth=credential.depth,
            sound=credential.sound,
        )
