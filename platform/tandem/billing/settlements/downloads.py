"""Kits over HTTP: one archive, made while it is sent, for hospital, employer and operator alike."""

from collections.abc import Iterator

from flask import Flask, Response, current_app

from tandem.billing.settlements.kit import kit_parts, zipped
from tandem.billing.settlements.models import EmployerStatement, SettlementStatement


def kit_of(row: SettlementStatement | EmployerStatement, *, operator: bool) -> Response:
    """A statement's kit as one archive, sent while it is read."""
    folder = f"statement-{row.currency.lower()}-{row.number}"
    body = zipped(kit_parts(row.tenant_id, row.id, operator=operator), folder=folder)
    about = {"Content-Disposition": f'attachment; filename="{folder}.zip"', "X-Accel-Buffering": "no"}
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # what the proxy stands for
    return Response(_step_by_step(app, body), headers=about, mimetype="application/zip")


def _step_by_step(app: Flask, pieces: Iterator[bytes]) -> Iterator[bytes]:
    # The request is over when its answer is sent: each piece is read within the application, none holds it.
    while True:
        with app.app_context():
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece
