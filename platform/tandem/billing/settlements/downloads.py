"""Kits and papers over HTTP, for hospital, employer and operator alike; what may be long is sent piece by piece."""

from collections.abc import Iterator
from tempfile import TemporaryFile

from flask import Flask, Response, current_app

from tandem.billing.settlements.documents import content_of, pdf_of, write_xlsx
from tandem.billing.settlements.kit import kit_parts, zipped
from tandem.billing.settlements.models import EmployerStatement, SettlementStatement
from tandem.billing.stationery import PDF, XLSX, sent


def kit_of(row: SettlementStatement | EmployerStatement, *, operator: bool) -> Response:
    """A statement's kit as one archive, sent while it is read."""
    folder = f"statement-{row.currency.lower()}-{row.number}"
    body = zipped(kit_parts(row.tenant_id, row.id, operator=operator), folder=folder)
    about = {"Content-Disposition": f'attachment; filename="{folder}.zip"', "X-Accel-Buffering": "no"}
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # what the proxy stands for
    return Response(_step_by_step(app, body), headers=about, mimetype="application/zip")


def paper_of(row: SettlementStatement | EmployerStatement) -> Response:
    """A statement to print, stamp and file. Raises GlyphMissing."""
    content = content_of(row)
    return sent(pdf_of(content), name=content.name, mimetype=PDF)


def workbook_of(row: SettlementStatement | EmployerStatement) -> Response:
    """A statement with every entry behind it: written to a file first, because its size is anybody's guess."""
    content, file = content_of(row), TemporaryFile()  # noqa: SIM115  # closed when it is sent
    try:
        write_xlsx(content, file)
    except BaseException:
        file.close()
        raise
    return sent(file, name=content.name, mimetype=XLSX)


def _step_by_step(app: Flask, pieces: Iterator[bytes]) -> Iterator[bytes]:
    # The request is over when its answer is sent: each piece is read within the application, none holds it.
    while True:
        with app.app_context():
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece
