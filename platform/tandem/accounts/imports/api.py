"""Imports over HTTP."""

from typing import Any, Final

from tandem.accounts.imports.commands import import_hospitals
from tandem.accounts.imports.reading import read_hospitals
from tandem.accounts.imports.schemas import ImportQuerySchema, ImportReportSchema, report
from tandem.kernel.http import Api
from tandem.kernel.sheets import SHEET_PROBLEMS

api = Api("imports", audience="operator", url_prefix="/hospital_imports", tag="Organizations")


@api.post(
    "",
    allow="imports.write",
    upload="text/csv",
    query=ImportQuerySchema,
    gives=ImportReportSchema,
    across=True,
    problems=SHEET_PROBLEMS,
)
def import_register(upload: bytes, query: dict[str, Any]) -> dict[str, Any]:
    """List the hospitals of a public register's CSV. Importing it again changes only what differs."""
    reading = read_hospitals(upload)
    counts = import_hospitals(reading, upload, dry_run=query["dry_run"])
    return report(reading, counts, dry_run=query["dry_run"])


APIS: Final = (api,)
