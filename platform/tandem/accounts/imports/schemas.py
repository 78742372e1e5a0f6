"""What is said about imports over HTTP, and by the command line as JSON."""

from typing import Any

from marshmallow import fields

from tandem.accounts.imports.commands import ImportCounts
from tandem.accounts.imports.reading import Reading
from tandem.kernel.http import Schema

PROBLEMS_SHOWN = 1_000


class ImportQuerySchema(Schema):
    """How to import."""

    dry_run = fields.Boolean(load_default=False, metadata={"description": "Do all of it and keep nothing"})


class RowProblemSchema(Schema):
    """What is wrong with one row; the header is row 1."""

    row = fields.Integer(required=True)
    field = fields.String(required=True)
    code = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "error, duplicate or notice"})
    reason = fields.String(required=True)
    mend = fields.String(required=True)


class ImportReportSchema(Schema):
    """What an import did."""

    dry_run = fields.Boolean(required=True)
    encoding = fields.String(required=True)
    rows = fields.Integer(required=True)
    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    errors = fields.Integer(required=True)
    notices = fields.Integer(required=True)
    ignored_columns = fields.List(fields.String(), required=True)
    problems = fields.List(fields.Nested(RowProblemSchema), required=True)


def report(reading: Reading, counts: ImportCounts, *, dry_run: bool) -> dict[str, Any]:
    """The report of an import, in the language of the caller. At most a thousand problems are spelled out."""
    return {
        "dry_run": dry_run,
        "encoding": reading.encoding,
        "rows": reading.row_count,
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "duplicates": reading.count("duplicate"),
        "errors": reading.count("error"),
        "notices": reading.count("notice"),
        "ignored_columns": reading.ignored_columns,
        "problems": [
            {
                "row": problem.row,
                "field": problem.field,
                "code": problem.code,
                "kind": problem.kind,
                "reason": str(problem.reason),
                "mend": str(problem.mend),
            }
            for problem in reading.problems[:PROBLEMS_SHOWN]
        ],
    }
