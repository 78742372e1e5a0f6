"""A kit's files, one after the other, each in pieces: small in memory, the same bytes whenever they are written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson

from tandem.billing.settlements import queries
from tandem.billing.settlements.commands import cut_of_statement, document_of
from tandem.billing.settlements.kit import records
from tandem.billing.settlements.kit.proof.files import FORMAT, check_of, compact
from tandem.billing.settlements.kit.records import Reach, Record
from tandem.billing.settlements.kit.verifier import verifier
from tandem.kernel.tenancy import REPORT_TIMEOUT_MS, acting_for, transaction

_WINDOWED: Final[dict[str, Callable[[Reach, int, int], list[Record]]]] = {
    "usage.jsonl": records.usage,
    "accruals.jsonl": records.accruals,
    "reversals.jsonl": records.reversals,
    "adjustments.jsonl": records.adjustments,
    "journals.jsonl": records.journals,
    "entries.jsonl": records.entries,
}
_README: Final = """\
Settlement recompute kit 结算复算包

    python3 verify.py

needs Python 3.8 or later, nothing else and no network. It proves this folder: exit 0 and the statement, or exit 1 and
the file and line where something was altered.
只需 Python 3.8 以上，无需联网。一致则退出码为 0 并显示结算单；不一致则退出码为 1 并指明文件与行。

statement.json   the statement as it was signed 所签署的结算单
previous.json    the one before it, whose seal begins the chain 上一结算单，其封印为链之起点
terms.jsonl      the agreement's versions and their digests 协议条款各版本及摘要
rules.jsonl      the posting rules by which journals were made 记账规则
usage.jsonl      what was delivered 所提供的服务
accruals.jsonl   each fee: its basis, its rule, its parts, its cap 每笔服务费的基数、规则、构成与封顶
reversals.jsonl  what refunds and lost disputes took back of it 退款与拒付冲回
adjustments.jsonl corrections of earlier statements, with both parties' word 双方同意的调整
journals.jsonl   every journal up to the statement's cut, sealed in a chain 截点前全部凭证及散列链
entries.jsonl    their entries; debit positive, in minor units 分录，借方为正，单位为分
manifest.json    every file's hash 各文件散列

Compare document_sha256 in manifest.json with the statement that you confirmed: the kit cannot prove that for you.
请将 manifest.json 中的 document_sha256 与贵院所确认的结算单核对。
"""


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
    """The files of a statement's kit as (name, piece), file after file, the manifest last.

    Opens its own short transactions, never across a piece: what it reads lies before the statement's cut and cannot
    change. Raises NotFound.
    """
    with _reading(tenant, operator=operator):
        row = queries.statement(statement_id)
        cut = cut_of_statement(row)
        reach = records.reach_of(cut)
        document, _ = document_of(row)
        previous = queries.statement_before(row)
        files = {"README.txt": _README.encode(), "verify.py": verifier(), "statement.json": document}
        if previous is not None:
            files["previous.json"] = document_of(previous)[0]
        by_record = {"rules.jsonl": records.posting_rules(reach), "terms.jsonl": records.terms()}
    manifest: Record = {
        "format": FORMAT,
        "statement_id": str(row.id),
        "hospital_id": str(row.tenant_id),
        "number": row.number,
        "currency": row.currency,
        "period_start": records.spelled(cut.since),
        "period_end": records.spelled(cut.until),
        "first_seq": reach.first_seq,
        "previous_seal": reach.previous_seal,
        "document_sha256": row.document_sha256,
    }
    written: dict[str, _Written] = {}
    for name, content in files.items():
        written[name] = _Written()
        yield name, written[name].take(content)
    windows: dict[str, Iterator[list[Record]]] = {name: iter([found]) for name, found in by_record.items()}
    windows |= {name: _windows(tenant, reach, read, operator=operator) for name, read in _WINDOWED.items()}
    for name, found in windows.items():
        written[name] = _Written(lines=0)
        for part in found:
            yield name, written[name].take(_lines(name, part, written[name]))
    yield "manifest.json", _sealed(manifest, written)


def _windows(
    tenant: UUID, reach: Reach, read: Callable[[Reach, int, int], list[Record]], *, operator: bool
) -> Iterator[list[Record]]:
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
