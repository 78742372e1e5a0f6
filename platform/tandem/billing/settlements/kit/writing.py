"""A kit's files, one after the other, each in pieces: small in memory, the same bytes whenever they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from tandem.billing.settlements.kit.contents import Reader, contents_of
from tandem.billing.settlements.kit.proof.files import check_of, compact
from tandem.billing.settlements.kit.records import Reach, Record
from tandem.kernel.tenancy import REPORT_TIMEOUT_MS, acting_for, transaction


@dataclass
class _Written:
    """What the manifest says of one file."""

    summed: Any = field(default_factory=sha256)
    byte_count: int = 0
    lines: int | None = None

    def take(self, chunk: bytes) -> bytes:
        self.summed.update(chunk)
        self.byte_count += len(chunk)
        return chunk


def kit_parts(tenant: UUID, statement_id: UUID, *, operator: bool = False) -> Iterator[tuple[str, bytes]]:
    """The files of a hospital's or an employer's statement's kit as (name, piece), file after file, the manifest last.

    Opens its own short transactions, never across a piece: what it reads lies before the statement's cut and cannot
    change. Raises NotFound.
    """
    with _reading(tenant, operator=operator):
        kit = contents_of(statement_id)
    written: dict[str, _Written] = {}
    for name, content in kit.files.items():
        written[name] = _Written()
        yield name, written[name].take(content)
    windows: dict[str, Iterator[list[Record]]] = {name: iter([found]) for name, found in kit.by_record.items()}
    windows |= {name: _windows(tenant, kit.reach, read, operator=operator) for name, read in kit.windowed.items()}
    for name, found in windows.items():
        written[name] = _Written(lines=0)
        for part in found:
            yield name, written[name].take(_lines(name, part, written[name]))
    yield "manifest.json", _sealed(kit.about, written)


def _windows(tenant: UUID, reach: Reach, read: Reader, *, operator: bool) -> Iterator[list[Record]]:
    for first, last in reach.windows():
        with _reading(tenant, operator=operator):
            found = read(reach, first, last)
        yield found
    # A file without a record is a file all the same.
    yield []


@contextmanager
def _reading(tenant: UUID, *, operator: bool) -> Iterator[None]:
    with acting_for(tenant, operator=operator, statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
        yield


def _lines(name: str, found: list[Record], written: _Written) -> bytes:
    lines = []
    for record in found:
        written.lines = (written.lines or 0) + 1
        body = orjson.dumps(record)[:-1] + b',"line":%d' % written.lines
        lines.append(body + b',"check":"' + check_of(name, body).encode() + b'"}\n')
    return b"".join(lines)


def _sealed(manifest: Record, written: dict[str, _Written]) -> bytes:
    manifest["files"] = {
        name: {"bytes": each.byte_count, "lines": each.lines, "sha256": each.summed.hexdigest()}
        for name, each in written.items()
    }
    return compact(manifest | {"self_sha256": sha256(compact(manifest)).hexdigest()})
