"""`countermark comply`: compare pictures with labelling profiles."""

from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Inputs, Json
from service.command_io import fail, judge_each

_SIGNS = {"satisfied": "ok     ", "missing": "MISSING", "cannot_be_judged": "?      "}
_POSITIVE = {"satisfied": True, "missing": False, "cannot_be_judged": None}


def comply(
    inputs: Inputs,
    profile: Annotated[
        list[str] | None,
        typer.Option(help="eu, california, china, india, korea; repeatable \\[default: label_profiles]"),
    ] = None,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Say what labelling rules ask of a picture, what is there and what is missing."""
    from service.compliance import Linter
    from service.keys import load_or_create_keys
    from service.labelling import parse_profiles
    from service.runtime import open_verifier, utc_now
    from service.settings import load_settings
    from watermark.labels.profile import profile_names
    from watermark.picture import Limits

    settings = load_settings(config, data_dir=data_dir)
    names = parse_profiles(",".join(profile or ())) or settings.label_profiles
    if not names:
        fail(f"--profile: none is named and none is set; name one of {', '.join(profile_names())}.")
    keys = load_or_create_keys(settings, utc_now())
    limits = Limits(max_bytes=settings.max_upload_bytes, max_pixels=settings.max_pixels)
    linter = Linter(open_verifier(settings, keys), limits, keys.all_watermarks)

    def one(data: bytes) -> dict[str, Any]:
        report: dict[str, Any] = linter.lint(data, names).model_dump(mode="json")
        return report

    judge_each(inputs, one, _lines, json_, positive=lambda report: _POSITIVE[report["status"]])


def _lines(report: dict[str, Any]) -> str:
    rows = [report["summary"]]
    for result in report["profiles"]:
        rows.append(f"  {result['profile']}: {result['status'].replace('_', ' ')} - {result['title']}")
        for clause in result["clauses"]:
            level = "" if clause["level"] == "must" else f" ({clause['level']})"
            rows.append(f"    {_SIGNS[clause['status']]} {clause['cite']}{level}: {clause['asks']}")
            rows.append(f"            {clause['evidence']}")
            if clause["remedy"] and clause["level"] != "may":
                rows.append(f"            -> {clause['remedy']}")
    return "\n".join([*rows, f"  {report['disclaimer']}"])
