"""What a kit is made of, read in windows of the book's sequence: journals, entries, and the facts that explain them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, func, select, text

from tandem.accounts import ruling_versions, written_terms
from tandem.billing.ledger import Book, Journal
from tandem.billing.settlements.lines import FEES, Cut, first_place
from tandem.billing.settlements.models import FeeAccrual
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

WINDOW: Final = 2_000
EXPLAINED: Final = (
    "medical_revenue", "programme_revenue", "operator_fee",
    "medical_revenue_reversed", "programme_revenue_reversed", "operator_fee_reversed",
    "medical_revenue_restored", "programme_revenue_restored", "operator_fee_restored",
    "operator_fee_parked", "operator_fee_unparked", "operator_fee_granted", "operator_fee_waived",
    "operator_fee_excess_reversed", "operator_fee_lost", "traffic_fee", "traffic_fee_reversed",
)  # fmt: skip
"""Kinds of journal that a use explains, which they name as their correlation."""
_TAKEN_BACK: Final = (
    *(kind for kind in EXPLAINED if "_revenue_" in kind),
    "operator_fee_unparked", "operator_fee_excess_reversed", "operator_fee_lost", "traffic_fee_reversed",
)  # fmt: skip

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which journals a kit holds: from the earliest that its statement takes up to the statement's cut."""

    book_id: UUID
    first_seq: int
    last_seq: int
    previous_seal: str

    def windows(self) -> Iterator[tuple[int, int]]:
        """Its sequence in pieces, each with its first and last place."""
        for first in range(self.first_seq, self.last_seq + 1, WINDOW):
            yield first, min(first + WINDOW - 1, self.last_seq)


def reach_of(cut: Cut) -> Reach:
    """What a kit at this cut holds. It begins before the previous cut where that statement left something over."""
    book_id = session.scalars(select(Book.id).where(Book.tenant_id == tenant_id(), Book.currency == cut.currency)).one()
    # A fee that waits for the end of its refund window is proved from its journals, however long ago they were booked.
    waiting = (
        select(func.min(Journal.seq))
        .join(
            FeeAccrual,
            (FeeAccrual.tenant_id == Journal.tenant_id) & (FeeAccrual.usage_event_id == Journal.correlation_id),
        )
        .where(
            FeeAccrual.tenant_id == tenant_id(),
            FeeAccrual.payable_from > cut.since,
            Journal.book_id == book_id,
            Journal.kind.in_(FEES),
            Journal.seq <= cut.after_seq,
        )
    )
    taken = first_place(cut, book_id)
    first = min(session.scalar(waiting) or taken, taken)
    before = select(Journal.hash).where(
        Journal.tenant_id == tenant_id(), Journal.book_id == book_id, Journal.seq == first - 1
    )
    return Reach(book_id, first, cut.seq, bytes(session.scalar(before) or bytes(32)).hex())


def terms() -> list[Record]:
    """The agreement's versions as their digests take them."""
    return [
        {
            "id": str(version.id),
            "terms": written_terms(version),
            "terms_sha256": version.terms_sha256,
            "effective_from": spelled(version.effective_from),
            "effective_until": spelled(version.effective_until),
        }
        for version in ruling_versions()
    ]


def posting_rules(reach: Reach) -> list[Record]:
    """The versions of the posting rules by which these journals were made, as they are recorded."""
    kinds = select(Journal.kind).distinct()
    kinds = kinds.where(Journal.tenant_id == tenant_id(), Journal.book_id == reach.book_id)
    found = session.scalars(kinds.where(Journal.seq.between(reach.first_seq, reach.last_seq))).all()
    return [_record(row) for row in session.execute(_RULES, {"kinds": list(found)}).mappings()]


def usage(reach: Reach, first: int, last: int) -> list[Record]:
    """Uses that the window is the first of the kit to speak of."""
    return read_window(_USAGE, reach, first, last)


def accruals(reach: Reach, first: int, last: int) -> list[Record]:
    """Their fees: inputs, results, and where in the book they stand."""
    return read_window(_ACCRUALS, reach, first, last)


def reversals(reach: Reach, first: int, last: int) -> list[Record]:
    """All that refunds have taken back of these fees up to the cut, in order of the book."""
    return read_window(_REVERSALS, reach, first, last)


def adjustments(reach: Reach, first: int, last: int) -> list[Record]:
    """Corrections of earlier statements that both parties agreed on."""
    return read_window(_ADJUSTMENTS, reach, first, last)


def journals(reach: Reach, first: int, last: int) -> list[Record]:
    """Journals of a window, with their seals."""
    return read_window(_JOURNALS, reach, first, last)


def entries(reach: Reach, first: int, last: int) -> list[Record]:
    """Entries of a window."""
    return read_window(_ENTRIES, reach, first, last)


def read_window(statement: TextClause, reach: Reach, first: int, last: int) -> list[Record]:
    """What a statement finds in one window of the book, spelled as the kit writes it."""
    found = session.execute(
        statement,
        {
            "tenant": tenant_id(),
            "book": reach.book_id,
            "begin": reach.first_seq,
            "first": first,
            "last": last,
            "cut": reach.last_seq,
            "explained": list(EXPLAINED),
            "taken_back": list(_TAKEN_BACK),
        },
    )
    return [_record(row) for row in found.mappings()]


def _record(row: RowMapping) -> Record:
    return {name: spelled(value) for name, value in row.items()}


def spelled(value: Any) -> Any:
    """A value as the kit writes it: moments in UTC to the microsecond, as the seals take them; bytes in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, UUID) else value


# The uses of a window whose journals the kit has not met in an earlier window.
_FRESH = (
    "WITH fresh AS (SELECT j.correlation_id AS id, min(j.seq) AS seq FROM journal j WHERE j.tenant_id = :tenant "
    "AND j.book_id = :book AND j.seq BETWEEN :first AND :last AND j.kind = ANY(:explained) AND NOT EXISTS (SELECT 1 "
    "FROM journal e WHERE e.tenant_id = :tenant AND e.book_id = :book AND e.correlation_id = j.correlation_id "
    "AND e.seq >= :begin AND e.seq < :first AND e.kind = ANY(:explained)) GROUP BY j.correlation_id) "
)


def _of_fresh(rest: str) -> TextClause:
    return text(_FRESH + rest)


_USAGE: Final = _of_fresh(
    "SELECT u.id, u.source_type, u.source_id, u.meter, u.at, u.quantity, u.amount_minor, u.currency, "
    "u.payment_id, u.programme_id FROM fresh f JOIN usage_event u ON u.tenant_id = :tenant AND u.id = f.id "
    "ORDER BY f.seq, u.id"
)
_ACCRUALS: Final = _of_fresh(
    "SELECT a.usage_event_id, a.payment_id, a.programme_id, a.agreement_version_id, a.at, a.payable_from, "
    "a.basis_minor, a.percent_part_minor, a.per_visit_part_minor, a.uncapped_minor, a.fee_minor, "
    "a.disputed_minor, a.programme_fees_before_minor, a.cap, a.currency, "
    "r.seq AS revenue_seq, c.seq AS fee_seq, p.seq AS parked_seq, d.seq AS decision_seq, "
    "CASE WHEN d.kind = 'operator_fee_granted' THEN 'granted' WHEN d.kind = 'operator_fee_waived' THEN 'waived' END "
    "AS decision, t.channel, t.seq AS traffic_seq, t.fee_minor AS traffic_minor FROM fresh f "
    "JOIN fee_accrual a ON a.tenant_id = :tenant AND a.usage_event_id = f.id "
    "LEFT JOIN journal r ON r.tenant_id = :tenant AND r.id = a.revenue_journal_id "
    "LEFT JOIN journal c ON c.tenant_id = :tenant AND c.id = a.fee_journal_id "
    "LEFT JOIN journal p ON p.tenant_id = :tenant AND p.idem_scope = 'operator_fee_parked' AND p.idem_key = f.id::text "
    "LEFT JOIN (SELECT x.usage_event_id, x.channel, x.fee_minor, y.seq FROM traffic_claim x JOIN journal y "
    "ON y.tenant_id = :tenant AND y.idem_scope = 'traffic_fee' AND y.idem_key = x.usage_event_id::text "
    "WHERE x.tenant_id = :tenant AND y.seq <= :cut) t ON t.usage_event_id = f.id "
    "LEFT JOIN journal d ON d.tenant_id = :tenant AND d.idem_key = f.id::text AND d.seq <= :cut "
    "AND d.idem_scope IN ('operator_fee_granted', 'operator_fee_waived') ORDER BY f.seq, a.usage_event_id"
)
# Where a reversal stands in the book: the first of its journals, which are of one kind each and keyed by its cause.
_REVERSALS: Final = _of_fresh(
    "SELECT a.usage_event_id, v.refund_id, v.is_return, v.cause, "
    "coalesce(v.asked_minor, r.amount_minor) AS asked_minor, v.at, v.refund_minor, v.fee_minor, v.excess_minor, "
    "v.traffic_minor, min(j.seq) AS seq FROM fresh f "
    "JOIN fee_accrual a ON a.tenant_id = :tenant AND a.usage_event_id = f.id "
    "JOIN fee_reversal v ON v.tenant_id = :tenant AND v.fee_accrual_id = a.id "
    "LEFT JOIN refund r ON r.tenant_id = :tenant AND r.id = v.refund_id "
    "JOIN journal j ON j.tenant_id = :tenant AND j.correlation_id = f.id AND j.kind = ANY(:taken_back) "
    "AND CASE WHEN v.is_return THEN (j.idem_key = v.refund_id::text AND j.kind LIKE '%restored') "
    "OR j.idem_key = v.refund_id::text || '-returned' "
    "ELSE j.idem_key = v.refund_id::text AND j.kind NOT LIKE '%restored' END "
    "WHERE j.seq <= :cut GROUP BY f.seq, a.usage_event_id, v.refund_id, v.is_return, v.cause, v.asked_minor, "
    "r.amount_minor, v.at, v.refund_minor, v.fee_minor, v.excess_minor, v.traffic_minor "
    "ORDER BY f.seq, a.usage_event_id, min(j.seq)"
)
_ADJUSTMENTS: Final = text(
    "SELECT d.id, d.statement_id, s.number AS adjusts_number, d.amount_minor, d.because, d.proposed_party, "
    "d.decided_party, j.seq FROM journal j JOIN fee_adjustment d ON d.tenant_id = :tenant AND d.id = j.correlation_id "
    "JOIN settlement_statement s ON s.tenant_id = :tenant AND s.id = d.statement_id WHERE j.tenant_id = :tenant "
    "AND j.book_id = :book AND j.seq BETWEEN :first AND :last AND j.kind = 'fee_adjusted' ORDER BY j.seq"
)
_RULES: Final = text(
    "SELECT code, version, effective_from::text AS effective_from, family, legs, basis, mirror, sha256 "
    "FROM posting_rule_version WHERE code = ANY(:kinds) ORDER BY code, version"
)
_JOURNALS: Final = text(
    "SELECT seq, kind, idem_key AS key, effective_at, booked_at, source_type, source_id, rule_version, "
    "reverses_id AS reverses, correlation_id, body_sha256, hash FROM journal WHERE tenant_id = :tenant "
    "AND book_id = :book AND seq BETWEEN :first AND :last ORDER BY seq"
)
_ENTRIES: Final = text(
    "SELECT e.seq, a.code AS account, a.party_id AS party, e.amount_minor FROM entry e JOIN account a "
    "ON a.tenant_id = e.tenant_id AND a.id = e.account_id WHERE e.tenant_id = :tenant AND e.book_id = :book "
    "AND e.seq BETWEEN :first AND :last ORDER BY e.seq, e.line_no"
)
