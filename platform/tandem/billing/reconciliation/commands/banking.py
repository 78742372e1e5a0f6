"""Taking in a bank's file, whole or not at all, and matching it: with payouts, and with what customers owe."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, insert, select, text

from tandem.billing.invoices import Invoice
from tandem.billing.reconciliation.bank_files import BankLine, read_bank_file, refusal
from tandem.billing.reconciliation.errors import BankFileElsewhere, BankFileRefused
from tandem.billing.reconciliation.models import BankLineRow, BankStatement, BankStatementName
from tandem.kernel import audit, clock
from tandem.kernel.audit import actor_name
from tandem.kernel.database import rows, session
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id

_CHANGED: Final = Text("The bank said otherwise of this line before", "该流水与此前上传的内容不一致")
_OTHERWISE: Final = Text(
    "The bank said otherwise under this statement's name", "同一编号的对账单内容与此前上传的不一致"
)
_ASK: Final = Text("Ask the bank which of the two is true.", "请向银行核实以哪一份为准。")
_WORDS: Final = re.compile(r"[\s,;:，；：/]+")
LINES_AT_ONCE: Final = 1_000


def take_in_bank_file(content: bytes, *, account: str, profile: str) -> BankStatement:
    """Keep the lines of a file that are new. The same file again is the same statement. [hospital, operator]

    Raises BankFileUnreadable, BankFileElsewhere for one that is known as another account's, BankFileRefused where a row
    is wrong or says otherwise than before, SHEET_PROBLEMS.
    """
    digest = sha256(content).hexdigest()
    if (known := _known(account, digest)) is not None:
        return known
    _require_here(account, digest)
    named = _named(read_bank_file(content, profile))
    # One file of an account at a time: who sends the same, or one that shares lines, at the same moment waits and sees.
    session.execute(_HOLD_ACCOUNT, {"tenant": tenant_id(), "account": f"account:{account}"})
    if (known := _known(account, digest)) is not None:
        return known
    before = _before(account, list(named))
    altered = [line for key, line in named.items() if key in before and before[key] != line.body]
    if altered:
        told = [refusal(line.row, "line", _CHANGED, _ASK, "changed") for line in altered]
        raise BankFileRefused(*told, wrong_count=len(told))
    names = _unsaid(account, named)
    fresh = {key: line for key, line in named.items() if key not in before}
    statement = BankStatement(
        tenant_id=tenant_id(), id=new_id(), account=account, profile=profile, file_sha256=digest,
        line_count=len(named), known_count=len(before), uploaded_at=clock.now(), uploaded_by=actor_name(),
    )  # fmt: skip
    session.add(statement)
    session.flush()
    if fresh:
        session.execute(insert(BankLineRow), [_row(statement, key, line) for key, line in fresh.items()])
    if names:
        head = {"tenant_id": statement.tenant_id, "statement_id": statement.id, "account": account}
        session.execute(
            insert(BankStatementName),
            [head | {"id": new_id(), "name": name, "body_sha256": body} for name, body in names.items()],
        )
    audit.record(
        action="bank_statement.taken_in", object_type="bank_statement", object_id=statement.id,
        details={"lines": len(named), "new": len(fresh)},
    )  # fmt: skip
    return statement


def _require_here(account: str, digest: str) -> None:
    # The same bytes for two accounts would tell the same money twice.
    elsewhere = session.scalar(
        select(BankStatement.account).where(
            BankStatement.tenant_id == tenant_id(),
            BankStatement.file_sha256 == digest,
            BankStatement.account != account,
        )
    )
    if elsewhere is not None:
        raise BankFileElsewhere(account=elsewhere)


def _known(account: str, digest: str) -> BankStatement | None:
    return session.scalar(
        select(BankStatement).where(
            BankStatement.tenant_id == tenant_id(),
            BankStatement.account == account,
            BankStatement.file_sha256 == digest,
        )
    )


@dataclass(frozen=True)
class Owed:
    """An invoice that a customer has not paid whole."""

    tenant_id: UUID
    invoice_id: UUID
    document_no: str
    open_minor: int
    currency: str


def invoices_owed(invoice_ids: Collection[UUID] | None = None) -> list[Owed]:
    """What customers owe, of all of them or on these invoices. [operator, across tenants]"""
    open_minor = Invoice.total_minor - Invoice.paid_minor - Invoice.credited_minor
    wanted = select(
        Invoice.tenant_id, Invoice.id, Invoice.document_no, Invoice.currency, open_minor.label("open_minor")
    ).where(Invoice.status == "issued", Invoice.kind == "invoice", Invoice.document_no.is_not(None), open_minor > 0)
    if invoice_ids is not None:
        wanted = wanted.where(Invoice.id.in_(invoice_ids))
    found = rows(wanted.order_by(Invoice.due_on).limit(LINES_AT_ONCE * 10))
    return [Owed(row["tenant_id"], row["id"], row["document_no"], row["open_minor"], row["currency"]) for row in found]


def transfers_for(owed: Sequence[Owed]) -> list[tuple[dict[str, Any], Owed]]:
    """Unmatched lines of the scope's accounts that name one of these invoices and its open sum. [operator]"""
    # By number and open sum: a transfer of another sum is for people to judge.
    by_number = defaultdict(list)
    for each in owed:
        by_number[each.document_no, each.open_minor, each.currency].append(each)
    found = []
    for line in session.execute(_UNMATCHED, {"tenant": tenant_id(), "most": LINES_AT_ONCE}).mappings():
        meant = [
            each for word in _words(line) for each in by_number.get((word, line["amount_minor"], line["currency"]), [])
        ]
        if len(meant) == 1:
            found.append((dict(line), meant[0]))
    once = Counter(invoice.invoice_id for _, invoice in found)
    return [(line, invoice) for line, invoice in found if once[invoice.invoice_id] == 1]


def references_sent() -> set[str]:
    """What unmatched lines of money that left say, word by word, and the bank's own references. [operator]"""
    lines = session.execute(_UNMATCHED_OUT, {"tenant": tenant_id(), "most": LINES_AT_ONCE}).mappings()
    return {word for line in lines for word in (*_words(line), line["bank_reference"]) if word}


def said_by_line(line_id: UUID) -> set[str]:
    """The same of one line, where it is money that left. [operator]"""
    facts = {"tenant": tenant_id(), "line": line_id}
    lines = session.execute(_LINE_OUT, facts).mappings()
    return {word for line in lines for word in (*_words(line), line["bank_reference"]) if word}


def transfers_sent(
    due: Mapping[tuple[str, int, str], tuple[UUID, UUID]],
    known: Mapping[tuple[str, int, str], tuple[UUID, UUID]] = MappingProxyType({}),
) -> list[tuple[dict[str, Any], tuple[UUID, UUID]]]:
    """Unmatched lines of money that left under a reference, sum and currency of these, with what each is. [operator]

    References that are `due` stand anywhere in a line; those `known` are the bank's own, word for word. A reference
    that two lines name is for people to judge.
    """
    found = []
    for line in session.execute(_UNMATCHED_OUT, {"tenant": tenant_id(), "most": LINES_AT_ONCE}).mappings():
        told = (-line["amount_minor"], line["currency"])
        meant = {due[word, *told] for word in _words(line) if (word, *told) in due}
        meant |= {known[said, *told] for said in (line["bank_reference"],) if (said, *told) in known}
        found += [(dict(line), each) for each in meant]
    once = Counter(meant for _, meant in found)
    return [(line, meant) for line, meant in found if once[meant] == 1]


def _words(line: RowMapping) -> set[str]:
    return set(_WORDS.split(f"{line['reference']} {line['bank_reference']}"))


def claim_transfers(matched: Sequence[tuple[UUID, UUID, int]], *, side: str = "invoice") -> None:
    """Claim lines for what has been recorded of them: (line, what it is of that side, amount). [operator]"""
    session.execute(
        _CLAIM,
        {
            "tenant": tenant_id(),
            "now": clock.now(),
            "side": side,
            "lines": [line for line, _, _ in matched],
            "invoices": [invoice for _, invoice, _ in matched],
            "amounts": [amount for _, _, amount in matched],
        },
    )


def spend_whole_lines(matched: Sequence[tuple[dict[str, Any], Owed]]) -> list[UUID]:
    """Spend whole lines on the invoices that they name; returns which allocations are to be recorded. [operator]"""
    claim_transfers([(line["id"], invoice.invoice_id, line["amount_minor"]) for line, invoice in matched])
    facts = {
        "tenant": tenant_id(), "now": clock.now(), "by": actor_name(),
        "lines": [line["id"] for line, _ in matched],
        "invoices": [invoice.invoice_id for _, invoice in matched],
        "customers": [invoice.tenant_id for _, invoice in matched],
    }  # fmt: skip
    return list(session.execute(_ALLOCATE, facts).scalars())


def _named(lines: Sequence[BankLine]) -> dict[str, BankLine]:
    """Each line under the bank's own reference, or under what it says and how many of its like came before it."""
    named: dict[str, BankLine] = {}
    seen: Counter[bytes] = Counter()
    for line in lines:
        seen[line.body] += 1
        name = f"ref:{line.bank_reference}" if line.bank_reference else f"body:{line.body.hex()}:{seen[line.body]}"
        if name in named and named[name].body != line.body:
            raise BankFileRefused(refusal(line.row, "line", _CHANGED, _ASK, "changed"), wrong_count=1)
        named.setdefault(name, line)
    return named


def _unsaid(account: str, named: Mapping[str, BankLine]) -> dict[str, bytes]:
    """The file's statements that were never read before, each with what it says. Raises BankFileRefused.

    A statement that says otherwise under the same name is no longer file, but another word of the bank.
    """
    told: defaultdict[str, list[bytes]] = defaultdict(list)
    rows_of: dict[str, int] = {}
    for identity, line in named.items():
        if line.statement:
            told[line.statement].append(identity.encode() + b"\x00" + line.body)
            rows_of.setdefault(line.statement, line.row)
    bodies = {name: sha256(b"\x1e".join(sorted(lines))).digest() for name, lines in told.items()}
    known = session.execute(
        select(BankStatementName.name, BankStatementName.body_sha256).where(
            BankStatementName.tenant_id == tenant_id(),
            BankStatementName.account == account,
            BankStatementName.name.in_(list(bodies)),
        )
    )
    said = {row.name: bytes(row.body_sha256) for row in known}
    if changed := [name for name in bodies if name in said and said[name] != bodies[name]]:
        wrong = [refusal(rows_of[name], "statement", _OTHERWISE, _ASK, "statement") for name in changed]
        raise BankFileRefused(*wrong, wrong_count=len(wrong))
    return {name: body for name, body in bodies.items() if name not in said}


def _before(account: str, identities: list[str]) -> dict[str, bytes]:
    found = session.execute(
        select(BankLineRow.identity, BankLineRow.body_sha256).where(
            BankLineRow.tenant_id == tenant_id(),
            BankLineRow.account == account,
            BankLineRow.identity.in_(identities),
        )
    )
    return {row.identity: bytes(row.body_sha256) for row in found}


def _row(statement: BankStatement, identity: str, line: BankLine) -> dict[str, Any]:
    return {
        "tenant_id": statement.tenant_id, "id": new_id(), "statement_id": statement.id, "account": statement.account,
        "identity": identity, "body_sha256": line.body, "row": line.row, "booked_on": line.booked_on,
        "amount_minor": line.amount_minor, "currency": line.currency, "reference": line.reference,
        "bank_reference": line.bank_reference, "counterparty": line.counterparty,
    }  # fmt: skip


_HOLD_ACCOUNT: Final = text(
    "INSERT INTO recon_watermark AS w (tenant_id, comparison, source, position) "
    "VALUES (:tenant, 'R3.files', :account, 1) "
    "ON CONFLICT (tenant_id, comparison, source) DO UPDATE SET position = w.position + 1"
)
_UNMATCHED: Final = text(
    "SELECT l.id, l.amount_minor, l.currency, l.booked_on, l.reference, l.bank_reference, l.identity FROM bank_line l "
    "WHERE l.tenant_id = :tenant AND l.amount_minor > 0 AND NOT EXISTS (SELECT FROM recon_claim c "
    "WHERE c.tenant_id = :tenant AND c.side = 'bank' AND c.claimed_id = l.id) AND NOT EXISTS (SELECT "
    "FROM bank_allocation a WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id) "
    "ORDER BY l.booked_on, l.id LIMIT :most"
)
# What two people took for a bank's charge and gave back again may be a transfer after all.
_UNMATCHED_OUT: Final = text(
    "SELECT l.id, l.amount_minor, l.currency, l.booked_on, l.reference, l.bank_reference, l.identity FROM bank_line l "
    "WHERE l.tenant_id = :tenant AND l.amount_minor < 0 AND NOT EXISTS (SELECT FROM recon_claim c "
    "WHERE c.tenant_id = :tenant AND c.side = 'bank' AND c.claimed_id = l.id) AND NOT EXISTS (SELECT "
    "FROM bank_allocation a WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id HAVING sum(a.amount_minor) <> 0) "
    "ORDER BY l.booked_on, l.id LIMIT :most"
)
_LINE_OUT: Final = text(
    "SELECT l.reference, l.bank_reference FROM bank_line l WHERE l.tenant_id = :tenant AND l.id = :line "
    "AND l.amount_minor < 0"
)
_CLAIM: Final = text(
    "INSERT INTO recon_claim (tenant_id, side, claimed_id, match_id, rule, amount_minor, claimed_at) "
    "SELECT l.tenant_id, v.side, v.claimed_id, l.id, 'reference', u.amount, CAST(:now AS timestamptz) "
    "FROM unnest(CAST(:lines AS uuid[]), CAST(:invoices AS uuid[]), CAST(:amounts AS bigint[])) "
    "AS u(line_id, invoice_id, amount) JOIN bank_line l ON l.tenant_id = :tenant AND l.id = u.line_id "
    "CROSS JOIN LATERAL (VALUES ('bank', u.line_id), (:side, u.invoice_id)) v(side, claimed_id) "
    "ON CONFLICT (tenant_id, side, claimed_id) DO NOTHING"
)
# Only lines of which nothing is spent yet: one that somebody allocates by hand at the same moment stays theirs.
_ALLOCATE: Final = text(
    "INSERT INTO bank_allocation (tenant_id, id, bank_line_id, line_minor, customer_id, invoice_id, amount_minor, "
    "place, taken_before_minor, taken_minor, rule, allocated_by, allocated_at) "
    "SELECT l.tenant_id, md5(l.id::text || u.invoice_id)::uuid, l.id, l.amount_minor, u.customer_id, u.invoice_id, "
    "l.amount_minor, 1, 0, l.amount_minor, 'reference', :by, CAST(:now AS timestamptz) "
    "FROM unnest(CAST(:lines AS uuid[]), CAST(:invoices AS uuid[]), CAST(:customers AS uuid[])) "
    "AS u(line_id, invoice_id, customer_id) JOIN bank_line l ON l.tenant_id = :tenant AND l.id = u.line_id "
    "ON CONFLICT DO NOTHING RETURNING id"
)
