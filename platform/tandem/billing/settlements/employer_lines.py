"""An employer's statement is two queries at two cuts: its own book says what was invoiced and paid, the operator's
says what was drawn. Run again, they give the same bytes.

Why two books: a draw in the employer's own book would be one journal for one visit, and its moment would point at
somebody. The operator's book holds it already, as the mirror of the hospital's revenue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import TextClause, text

from tandem.billing import entitlements
from tandem.billing.invoices import CELL_MIN, OWED_BY_EMPLOYER, may_be_told
from tandem.billing.settlements.lines import Cut
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id


@dataclass(frozen=True, slots=True)
class Told:
    """How far a programme's draws have been told: up to a place of the operator's book, and before a moment."""

    seq: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Prepaid:
    """One programme in the employer's book: what arose since the cut before, and what stands at this one.

    `carried_minor` is what another programme left to this one; `closings` counts how its own rest was dealt with.
    """

    invoiced_minor: int
    paid_minor: int
    adjusted_minor: int
    paid_so_far_minor: int
    tax_so_far_minor: int
    adjusted_so_far_minor: int
    open_minor: int
    carried_minor: int
    closings: int

    def unspent_minor(self, drawn_minor: int) -> int:
        """What is left after these draws; nothing of a programme whose rest was refunded or rolled over."""
        left_minor = self.paid_so_far_minor - self.tax_so_far_minor + self.carried_minor - drawn_minor
        return 0 if self.closings else left_minor


@dataclass(frozen=True, slots=True)
class Drawn:
    """One programme in the operator's book: what was told of its draws, and what has come since."""

    told_minor: int
    units: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ProgrammeLine:
    """One programme at the cuts. `units_drawn` and `drawn_minor` are None where too few members stand behind them.

    `adjusted_minor` is what agreed corrections add to what was drawn; negative: gave back. `unspent_minor` is what was
    paid less its tax, less what has been told as drawn, so corrected; negative: not yet paid for.
    """

    programme_id: UUID
    told_before: Told
    invoiced_minor: int
    paid_minor: int
    units_drawn: int | None
    drawn_minor: int | None
    adjusted_minor: int
    open_minor: int
    unspent_minor: int

    @property
    def is_told(self) -> bool:
        return self.drawn_minor is not None


@dataclass(frozen=True, slots=True)
class Correction:
    """What this statement says of an earlier one's: by programme and kind, pointing back by number.

    Draws that were booked late are in no correction: told by themselves they would be a sum of few.
    """

    adjusts_number: int
    programme_id: UUID
    kind: str
    amount_minor: int


_NONE_DRAWN: Final = Drawn(0, 0, 0)


def new_lines(cut: Cut, operator_seq: int, before: Mapping[UUID, Told]) -> list[ProgrammeLine]:
    """The lines of a new statement; decides whose draws enough members stand behind to be told. [employer]"""
    prepaid = _prepaid(cut)
    told = {programme: before.get(programme, Told()) for programme in prepaid}
    drawn = _drawn(cut, operator_seq, told)
    tells = {each for each in prepaid if _are_enough(each, drawn.get(each, _NONE_DRAWN), told[each], cut.until)}
    return _lines(prepaid, drawn, told, tells)


def lines_again(cut: Cut, operator_seq: int, told: Mapping[UUID, Told], tells: set[UUID]) -> list[ProgrammeLine]:
    """The same lines run anew: what was withheld then stays withheld. [employer]"""
    return _lines(_prepaid(cut), _drawn(cut, operator_seq, told), told, tells)


def corrections(cut: Cut, number: int) -> list[Correction]:
    """What the statement with this number corrects of earlier ones: credit notes, adjustments, what came late.

    In order of statement, programme and kind. [employer]
    """
    found = session.execute(_CORRECTIONS, _facts(cut) | {"number": number, "owed_by": list(OWED_BY_EMPLOYER)})
    return [Correction(row.number, row.programme_id, row.kind, int(row.amount)) for row in found]


def employer_document(
    facts: Mapping[str, Any], lines: Sequence[ProgrammeLine], corrected: Sequence[Correction], layout: int
) -> tuple[bytes, str]:
    """A statement as bytes and their SHA-256: sorted keys, no spaces, so that any language can write the same."""
    unsaid = {"told_before"} if layout > 1 else {"told_before", "adjusted_minor"}
    said = [{name: value for name, value in asdict(line).items() if name not in unsaid} for line in lines]
    totals = {name: value for name, value in totals_of(lines).items() if name not in unsaid}
    whole = {**facts, "layout": layout, **totals, "lines": said}
    if layout > 1:
        whole["corrections"] = [asdict(each) for each in corrected]
    written = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    return written, sha256(written).hexdigest()


def totals_of(lines: Sequence[ProgrammeLine]) -> dict[str, int]:
    """What the lines add up to."""
    return {
        "invoiced_minor": sum(line.invoiced_minor for line in lines),
        "paid_minor": sum(line.paid_minor for line in lines),
        "drawn_minor": sum(line.drawn_minor or 0 for line in lines),
        "adjusted_minor": sum(line.adjusted_minor for line in lines),
        "open_minor": sum(line.open_minor for line in lines),
        "unspent_minor": sum(line.unspent_minor for line in lines),
    }


def _lines(
    prepaid: Mapping[UUID, Prepaid], drawn: Mapping[UUID, Drawn], told: Mapping[UUID, Told], tells: set[UUID]
) -> list[ProgrammeLine]:
    found = []
    for programme, paid in sorted(prepaid.items()):
        used, is_told = drawn.get(programme, _NONE_DRAWN), programme in tells
        drawn_so_far = used.told_minor + (used.amount_minor if is_told else 0) + paid.adjusted_so_far_minor
        found.append(
            ProgrammeLine(
                programme_id=programme,
                told_before=told[programme],
                invoiced_minor=paid.invoiced_minor,
                paid_minor=paid.paid_minor,
                units_drawn=used.units if is_told else None,
                drawn_minor=used.amount_minor if is_told else None,
                adjusted_minor=paid.adjusted_minor,
                open_minor=paid.open_minor,
                unspent_minor=paid.unspent_minor(drawn_so_far),
            )
        )
    return found


def _are_enough(programme: UUID, drawn: Drawn, told: Told, until: datetime) -> bool:
    # Counted in the programme, where neither employer nor operator can look: only yes or no leaves it.
    with acting_for(programme):
        totals = entitlements.programme_totals()
        if totals is None:
            return False
        drew = entitlements.members_drawing(told.until, until)
        # A draw may reach the operator's book late: no more people stand behind a sum than it has draws.
        return drawn.units >= CELL_MIN and may_be_told(drew, totals.members)


def _facts(cut: Cut) -> dict[str, Any]:
    facts = {"tenant": tenant_id(), "currency": cut.currency, "since": cut.since, "until": cut.until}
    return facts | {"after": cut.after_seq, "cut": cut.seq}


def _prepaid(cut: Cut) -> dict[UUID, Prepaid]:
    found = session.execute(_PREPAID, _facts(cut))
    return {row.programme_id: Prepaid(*(int(each or 0) for each in row[1:])) for row in found}


def _drawn(cut: Cut, operator_seq: int, told: Mapping[UUID, Told]) -> dict[UUID, Drawn]:
    facts = {"tenant": OPERATOR_ID, "currency": cut.currency, "until": cut.until, "cut": operator_seq}
    points = {
        "programmes": list(told),
        "seqs": [each.seq for each in told.values()],
        "untils": [each.until for each in told.values()],
    }
    with acting_for(OPERATOR_ID, operator=True):
        found = session.execute(_DRAWN, facts | points).all()
    return {row.programme_id: Drawn(*(int(each or 0) for each in row[1:])) for row in found}


# What moved between employer and operator up to the cut. What is owed for no invoice of a programme (a correction by
# hand, for instance) stands on the employer's own line, so that the lines' open sums are together what the account with
# the operator stands at. `original` is the invoice that a credit note or a void takes back.
_MOVED: Final = (
    "WITH t AS (SELECT coalesce(i.programme_id, a.party_id, b.tenant_id) AS programme_id, a.code, e.amount_minor, "
    "j.kind, j.source_type, j.source_id, j.effective_at, i.kind AS document, "
    "(j.effective_at >= :since OR j.seq > :after) AS is_new, CASE WHEN j.kind LIKE '%\\_voided' THEN i.id "
    "WHEN i.kind = 'credit_note' THEN i.corrects_id END "
    "AS original FROM book b JOIN account a ON a.tenant_id = :tenant AND a.book_id = b.id "
    "AND a.code IN ('ap.operator', 'tax.vat', 'prepaid.benefits') "
    "JOIN entry e ON e.tenant_id = :tenant AND e.account_id = a.id AND e.seq <= :cut "
    "JOIN journal j ON j.tenant_id = :tenant AND j.book_id = b.id AND j.seq = e.seq AND j.effective_at < :until "
    "AND (a.code <> 'prepaid.benefits' OR j.kind = 'draws_adjusted' OR j.source_type = 'prepayment_closing') "
    "LEFT JOIN invoice_payment p ON p.tenant_id = :tenant "
    "AND p.id = CASE WHEN j.source_type = 'invoice_payment' THEN CAST(j.source_id AS uuid) END "
    "LEFT JOIN invoice i ON i.tenant_id = :tenant AND i.id = coalesce(p.invoice_id, "
    "CASE WHEN j.source_type = 'invoice' THEN CAST(j.source_id AS uuid) END) "
    "WHERE b.tenant_id = :tenant AND b.currency = :currency) "
)


def _of_moved(rest: str) -> TextClause:
    return text(_MOVED + rest)


_PREPAID: Final = _of_moved(
    "SELECT t.programme_id, sum(-t.amount_minor) FILTER (WHERE t.is_new AND t.code = 'ap.operator' "
    "AND t.source_type = 'invoice') AS invoiced, sum(t.amount_minor) FILTER (WHERE t.is_new "
    "AND t.code = 'ap.operator' AND t.source_type = 'invoice_payment') AS paid, "
    "sum(-t.amount_minor) FILTER (WHERE t.is_new AND t.kind = 'draws_adjusted') AS adjusted, "
    "sum(t.amount_minor) FILTER (WHERE t.code = 'ap.operator' AND t.source_type = 'invoice_payment') AS paid_so_far, "
    "sum(t.amount_minor) FILTER (WHERE t.code = 'tax.vat') AS tax_so_far, "
    "sum(-t.amount_minor) FILTER (WHERE t.kind = 'draws_adjusted') AS adjusted_so_far, "
    "sum(-t.amount_minor) FILTER (WHERE t.code = 'ap.operator') AS open, sum(t.amount_minor) FILTER (WHERE "
    "t.code = 'prepaid.benefits' AND t.source_type = 'prepayment_closing' AND t.amount_minor > 0) AS carried, "
    "count(*) FILTER (WHERE t.code = 'prepaid.benefits' AND t.source_type = 'prepayment_closing' "
    "AND t.amount_minor < 0) AS closings FROM t GROUP BY t.programme_id"
)
# Which earlier statement a fact points at: an adjustment names it; a credit note and a void mean the one that told
# their invoice; what came late the one that covers its day.
_CORRECTIONS: Final = _of_moved(
    "SELECT c.number, c.programme_id, c.kind, sum(CASE WHEN c.kind = 'payment' THEN c.amount_minor "
    "ELSE -c.amount_minor END) AS amount FROM (SELECT t.programme_id, t.amount_minor, "
    "CASE WHEN t.code = 'prepaid.benefits' THEN 'adjustment' WHEN t.source_type = 'invoice_payment' THEN 'payment' "
    "WHEN t.kind LIKE '%\\_voided' THEN 'void' WHEN t.source_type = 'invoice' THEN t.document "
    "ELSE 'other' END AS kind, "
    "(SELECT min(s.number) FROM employer_statement s WHERE s.tenant_id = :tenant AND s.currency = :currency "
    "AND s.number < :number AND CASE WHEN t.code = 'prepaid.benefits' THEN s.id = CAST(t.source_id AS uuid) "
    "ELSE s.period_end > coalesce(o.effective_at, t.effective_at) AND s.cut_seq >= coalesce(o.seq, 0) END) AS number "
    "FROM t LEFT JOIN journal o ON o.tenant_id = :tenant AND o.idem_key = CAST(t.original AS text) "
    "AND o.idem_scope = ANY(CAST(:owed_by AS text[])) WHERE t.is_new AND t.code <> 'tax.vat') c "
    "WHERE c.number IS NOT NULL GROUP BY c.number, c.programme_id, c.kind ORDER BY c.number, c.programme_id, c.kind"
)
# Only what mirrors a programme's revenue is drawn; what mirrors an invoice is what was prepaid.
_DRAWN: Final = text(
    "SELECT u.programme_id, sum(e.amount_minor) FILTER (WHERE j.seq <= u.seq AND j.effective_at < u.until) AS told, "
    "count(*) FILTER (WHERE (j.seq <= u.seq AND j.effective_at < u.until) IS NOT TRUE "
    "AND j.rule_version LIKE 'programme\\_revenue@%') AS units, "
    "sum(e.amount_minor) FILTER (WHERE (j.seq <= u.seq AND j.effective_at < u.until) IS NOT TRUE) AS amount "
    "FROM book b JOIN unnest(CAST(:programmes AS uuid[]), CAST(:seqs AS bigint[]), CAST(:untils AS timestamptz[])) "
    "AS u(programme_id, seq, until) ON true JOIN account a ON a.tenant_id = :tenant AND a.book_id = b.id "
    "AND a.code = 'prepaid.programme' AND a.party_id = u.programme_id "
    "JOIN entry e ON e.tenant_id = :tenant AND e.account_id = a.id AND e.seq <= :cut "
    "JOIN journal j ON j.tenant_id = :tenant AND j.book_id = b.id AND j.seq = e.seq AND j.effective_at < :until "
    "AND j.rule_version LIKE 'programme\\_revenue%' WHERE b.tenant_id = :tenant AND b.currency = :currency "
    "GROUP BY u.programme_id"
)
