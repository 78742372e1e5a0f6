"""A document on its way to whoever asked: in pieces, under a name of its own."""

from collections.abc import Iterator
from typing import IO, Final
from urllib.parse import quote

from flask import Response

PDF: Final = "application/pdf"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE: Final = 64 * 1024


def sent(made: bytes | IO[bytes], *, name: str, mimetype: str) -> Response:
    """The answer that carries a document; a file is read from its beginning, piece by piece, and closed at the end."""
    ending = "pdf" if mimetype == PDF else "xlsx"
    about = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{name}.{ending}')}"}
    if isinstance(made, bytes):
        return Response(made, mimetype=mimetype, headers=about)
    made.seek(0)
    answer = Response(_pieces(made), mimetype=mimetype, headers=about)
    # Also where nobody reads it: a question for the head only, a reader who hung up.
    answer.call_on_close(made.close)
    return answer


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
