"""A document on its way to whoever asked: in pieces, under a name of its own."""

from collections.abc import Iterator
from typing import IO, Final
from urllib.parse import quote

from flask import Response

PDF: Final = "application/pdf"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE: Final = 64 * 1024


def sent(made: bytes | IO[bytes], *, name: str, mimetype: str) -> Response:
    """The answer that carries a document; a file is read from its beginning, piece by piece, and closed."""
    ending = "pdf" if mimetype == PDF else "xlsx"
    about = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{name}.{ending}')}"}
    body = made if isinstance(made, bytes) else _pieces(made)
    return Response(body, mimetype=mimetype, headers=about)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece
