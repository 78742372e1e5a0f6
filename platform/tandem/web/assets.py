"""Style sheets, scripts and pictures: addressed by their content, so that a browser may keep them for ever."""

import gzip
import mimetypes
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, request

from tandem.kernel.errors import NotFound

STATIC: Final = Path(__file__).parent / "static"
_KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
_SHRINKS: Final = frozenset({"text/css", "text/javascript", "application/javascript", "image/svg+xml"})
_DIGEST_LENGTH: Final = 12

blueprint = Blueprint("assets", __name__)


@lru_cache
def asset_url(name: str) -> str:
    """The address of a file below `static/`; another content, another address. Raises FileNotFoundError."""
    return f"/assets/{_digest(name)}/{name}"


@blueprint.get("/assets/<digest>/<path:name>")
def asset(digest: str, name: str) -> Response:
    """One file, kept for ever under its own digest."""
    if name not in _names():
        raise NotFound
    mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if mimetype in _SHRINKS and request.accept_encodings["gzip"]:
        response = Response(_shrunk(name), mimetype=mimetype, headers={"Content-Encoding": "gzip"})
    else:
        response = Response((STATIC / name).read_bytes(), mimetype=mimetype)
    response.headers["Vary"] = "Accept-Encoding"
    # While versions change over, a page of the other one asks for its own digest: it gets ours, and keeps it not.
    response.headers["Cache-Control"] = _KEPT_FOR_EVER if digest == _digest(name) else "no-store"
    return response


@lru_cache
def _names() -> frozenset[str]:
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@lru_cache
def _digest(name: str) -> str:
    return sha256((STATIC / name).read_bytes()).hexdigest()[:_DIGEST_LENGTH]


@lru_cache
def _shrunk(name: str) -> bytes:
    return gzip.compress((STATIC / name).read_bytes(), mtime=0)
