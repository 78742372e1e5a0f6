"""A kit as one ZIP archive, made while it is sent: memory stays small whatever the size."""

from collections.abc import Iterable, Iterator
from io import RawIOBase
from itertools import groupby
from operator import itemgetter
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# One date for all files, so that the same kit is the same archive; 1980 is where ZIP's calendar begins.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


class _Drain(RawIOBase):
    """What the archive writes to: a buffer that is emptied as it fills, and cannot be gone back in."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is newer
        self._held += data
        return len(data)

    def drained(self) -> bytes:
        out = bytes(self._held)
        self._held.clear()
        return out


def zipped(parts: Iterable[tuple[str, bytes]], *, folder: str) -> Iterator[bytes]:
    """An archive of files that come in order, each in one piece or several, below one folder."""
    drain = _Drain()
    with ZipFile(drain, "w", ZIP_DEFLATED) as archive:
        for name, pieces in groupby(parts, key=itemgetter(0)):
            about = ZipInfo(f"{folder}/{name}", _DATE)
            about.compress_type, about.external_attr = ZIP_DEFLATED, 0o644 << 16
            with archive.open(about, "w") as member:
                for _, piece in pieces:
                    member.write(piece)
                    yield drain.drained()
    yield drain.drained()
