"""Comparing one picture with labelling profiles: what is there, what is missing, what cannot be judged."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError
from classifiers.text_reader import TextReader
from service.compliance_checks import CHECKS, Facts
from service.compliance_report import ClauseResult, ComplianceReport, ProfileResult, worst
from service.verification import Verifier
from service.visible_labels import VisibleLabel, find_visible_labels
from watermark.disclosure import read_disclosure
from watermark.labels.profile import Clause, load_profile
from watermark.picture import Limits, decode_picture

_SUMMARY = {
    "satisfied": "Everything that the clauses ask of a file is there",
    "missing": "Something that the clauses ask for is missing",
    "cannot_be_judged": "Nothing that could be judged is missing, but something could not be judged",
}


class Linter:
    """Judges pictures with one verifier, one reader of text and the keys of one installation; thread-safe."""

    def __init__(self, verifier: Verifier, limits: Limits, keys: Sequence[bytes]) -> None:
        self._verifier, self._limits, self._keys = verifier, limits, tuple(keys)
        self._reader = TextReader()  # its models are loaded at the first picture

    def lint(self, data: bytes, profiles: Sequence[str]) -> ComplianceReport:
        """Compare one uploaded file with profiles; nothing of it is stored.

        Raises:
            watermark.errors.PictureError: the file is no picture that can be read within the caps.
            watermark.errors.MetadataError: a profile is unknown.

        """
        rules = [load_profile(name) for name in profiles]
        picture = decode_picture(data, limits=self._limits)
        facts = Facts(
            format=picture.format,
            report=self._verifier.verify(data),
            disclosure=read_disclosure(data, picture.format),
            labels=self._visible(picture.image),
            keys=self._keys,
        )
        results = []
        for profile in rules:
            rows = [_judge(clause, facts) for clause in profile.clauses]
            results.append(
                ProfileResult(
                    profile=profile.name,
                    title=profile.title,
                    in_force=profile.in_force,
                    status=worst([row.status for row in rows if row.level == "must"]),
                    clauses=rows,
                    elsewhere=list(profile.elsewhere),
                    unconfirmed=list(profile.unconfirmed),
                )
            )
        status = worst([result.status for result in results])
        return ComplianceReport(
            sha256=hashlib.sha256(data).hexdigest(),
            format=picture.format,
            width=picture.width,
            height=picture.height,
            status=status,
            summary=f"{_SUMMARY[status]} ({', '.join(profiles)}).",
            profiles=results,
        )

    def _visible(self, image: NDArray[np.uint8]) -> tuple[VisibleLabel, ...] | None:
        try:
            return tuple(find_visible_labels(self._reader, image))
        except ClassifierError:
            return None


def _judge(clause: Clause, facts: Facts) -> ClauseResult:
    answer = CHECKS[clause.check](facts, clause)
    return ClauseResult(
        id=clause.id,
        cite=clause.cite,
        asks=clause.asks,
        level=clause.level,
        status=answer.status,
        evidence=answer.evidence,
        remedy=clause.remedy if answer.status != "satisfied" else None,
        unconfirmed=clause.unconfirmed or None,
    )
