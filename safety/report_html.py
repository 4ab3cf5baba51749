"""The moderation report as one self-contained HTML page: no script, no fonts, no requests to anywhere.

Every text is escaped by the template engine; an undefined name in the template is an error, not an empty
cell.
"""

from importlib.resources import files

import jinja2

from safety.report_chart import lay_out
from safety.report_counts import ModerationReport

TABLES = (
    (
        "by_category",
        "Category",
        "Flagged by category",
        "A request flagged in several categories counts in each.",
    ),
    (
        "by_action",
        "Action",
        "By action of the policy",
        "The strictest action that the policy took on the request.",
    ),
    ("by_stage", "Stage", "By stage", "Where the decision fell, or how far the request came."),
    ("by_kind", "Kind", "By kind of request", ""),
    ("by_generator", "Generator", "By generator", ""),
    ("by_policy_version", "Policy", "By policy version", ""),
    (
        "by_model",
        "Classifier",
        "By classifier",
        "A request looked at by several classifiers counts for each.",
    ),
)


def to_html(report: ModerationReport) -> str:
    """Return the report as an HTML document."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["percent"] = lambda share: "no decisions" if share is None else f"{share:.2%}"
    template = environment.from_string((files("safety") / "report.html").read_text("utf-8"))
    tables = [(getattr(report, name), heading, title, note) for name, heading, title, note in TABLES]
    return template.render(report=report, chart=lay_out(report.by_day), tables=tables)
