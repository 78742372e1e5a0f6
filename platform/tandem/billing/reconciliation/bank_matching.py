"""The matching ladder between a bank's lines and payouts: by id, alone on both sides, in a lump, and by two people.

Each rung is one statement over what no rung above it took. A line or a payout is claimed once, by its key, so that no
two matches can share one; the rung is kept with the claim and explains it.
"""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from tandem.billing.reconciliation.errors import BankLineTaken, BankMatchUneven
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import clock
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def match_payouts(rules: Rules, *, named_only: bool = False) -> dict[str, int]:
    """Climb the ladder for what is unmatched; returns how many payouts each rung took. [hospital, operator]

    `named_only`: no further than the first rung. Where customers pay into the same account, a payout's sum alone says
    nothing.
    """
    facts = {
        "tenant": tenant_id(),
        "now": clock.now(),
        "days": rules.value("bank_days"),
        "size": rules.value("bank_batch_size"),
        "fee_most": rules.value("bank_fee_minor"),
    }
    take_turn()
    rungs = {"id": _BY_ID} if named_only else _LADDER
    return {rule: int(session.execute(rung, facts | {"rule": rule}).scalar_one()) for rule, rung in rungs.items()}


def payouts_of_line(line_id: UUID, payout_ids: Collection[UUID]) -> dict[UUID, int]:
    """Payouts that a bank's line is the sum of, each with its sum. Raises BankLineTaken, BankMatchUneven, NotFound."""
    facts: dict[str, Any] = {"tenant": tenant_id(), "line": line_id, "payouts": list(payout_ids)}
    line = session.execute(_LINE_BY_HAND, facts).one_or_none()
    found = session.execute(_PAYOUTS_BY_HAND, facts).all()
    if line is None or len(found) != len(set(payout_ids)):
        raise NotFound
    payouts_minor = sum(each.amount_minor for each in found)
    if line.amount_minor != payouts_minor or {each.currency for each in found} != {line.currency}:
        raise BankMatchUneven(line_minor=line.amount_minor, payouts_minor=payouts_minor)
    if line.is_taken or any(each.is_taken for each in found):
        raise BankLineTaken
    return {each.id: each.amount_minor for each in found}


def claim_by_hand(match_id: UUID, line_id: UUID, payout_ids: Collection[UUID]) -> None:
    """Claim a bank's line for payouts that add up to it; the caller has the turn. Raises what payouts_of_line does."""
    payouts_of_line(line_id, payout_ids)
    facts = {"tenant": tenant_id(), "line": line_id, "payouts": list(payout_ids), "match": match_id, "now": clock.now()}
    with refusing(recon_claim_pkey=BankLineTaken):
        session.execute(_CLAIM_BY_HAND, facts)


def take_turn() -> None:
    """One climber at a time per organisation: two files at once do not race for the same payout or line."""
    session.execute(_HOLD, {"tenant": tenant_id()})


_HOLD: Final = text(
    "INSERT INTO recon_watermark AS w (tenant_id, comparison, source, position) "
    "VALUES (:tenant, 'R3.ladder', 'turn', 1) "
    "ON CONFLICT (tenant_id, comparison, source) DO UPDATE SET position = w.position + 1"
)
_LINES: Final = (
    "lines AS (SELECT l.* FROM bank_line l WHERE l.tenant_id = :tenant AND l.amount_minor > 0 AND NOT EXISTS (SELECT "
    "FROM recon_claim c WHERE c.tenant_id = :tenant AND c.side = 'bank' AND c.claimed_id = l.id) "
    "AND NOT EXISTS (SELECT FROM bank_allocation a WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id))"
)
_PAYOUTS: Final = (
    "payouts AS (SELECT p.*, (p.arrives_at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM payout p "
    "WHERE p.tenant_id = :tenant AND p.is_posted AND p.status <> 'failed' AND NOT EXISTS (SELECT FROM recon_claim c "
    "WHERE c.tenant_id = :tenant AND c.side = 'payout' AND c.claimed_id = p.id))"
)
# A pair counts when neither side has another; a match is named after its line, so that doing it again is the same.
_CLAIM_PAIRS: Final = """
alone AS (SELECT * FROM (SELECT q.*, count(*) OVER (PARTITION BY line_id) AS of_line,
                                count(*) OVER (PARTITION BY payout_id) AS of_payout FROM pairs q) r
          WHERE of_line = 1 AND of_payout = 1),
claimed AS (
    INSERT INTO recon_claim AS k (tenant_id, side, claimed_id, match_id, rule, amount_minor, claimed_at)
    SELECT a.tenant_id, v.side, v.claimed_id, a.line_id, :rule, v.minor, CAST(:now AS timestamptz) FROM alone a
    CROSS JOIN LATERAL (
        VALUES ('bank', a.line_id, a.line_minor), ('payout', a.payout_id, a.payout_minor)) v(side, claimed_id, minor)
    RETURNING k.side)
SELECT count(*) FILTER (WHERE side = 'payout') FROM claimed
"""
_SHOWN: Final = (
    "l.tenant_id, l.id AS line_id, l.amount_minor AS line_minor, p.id AS payout_id, p.amount_minor AS payout_minor"
)
_BY_ID: Final = text(f"""
WITH {_LINES}, {_PAYOUTS}, pairs AS (
    SELECT DISTINCT {_SHOWN} FROM lines l
    CROSS JOIN LATERAL regexp_split_to_table(l.reference || ' ' || l.bank_reference, '[^A-Za-z0-9_]+') AS t(word)
    JOIN payouts p ON p.tenant_id = l.tenant_id AND p.provider_payout_id = t.word AND p.currency = l.currency
    WHERE p.amount_minor - l.amount_minor BETWEEN 0 AND :fee_most), {_CLAIM_PAIRS}""")
_BY_UNIQUE: Final = text(f"""
WITH {_LINES}, {_PAYOUTS}, pairs AS (
    SELECT {_SHOWN} FROM lines l JOIN payouts p ON p.tenant_id = l.tenant_id AND p.currency = l.currency
     AND p.amount_minor = l.amount_minor AND abs(l.booked_on - p.day) <= :days), {_CLAIM_PAIRS}""")
_BY_BATCH: Final = text(f"""
WITH {_LINES}, {_PAYOUTS},
numbered AS (SELECT p.*, row_number() OVER w AS n, sum(p.amount_minor) OVER w AS so_far FROM payouts p
             WINDOW w AS (PARTITION BY p.currency ORDER BY p.arrives_at, p.id)),
spans AS (SELECT a.tenant_id, a.currency, a.n AS first, b.n AS last, b.day,
                 (b.so_far - a.so_far + a.amount_minor)::bigint AS amount_minor
          FROM numbered a JOIN numbered b ON b.currency = a.currency AND b.n > a.n AND b.n < a.n + :size),
found AS (SELECT l.tenant_id, l.id AS line_id, l.amount_minor AS line_minor, s.currency, s.first, s.last,
                 count(*) OVER (PARTITION BY l.id) AS of_line
          FROM lines l JOIN spans s ON s.tenant_id = l.tenant_id AND s.currency = l.currency
           AND s.amount_minor = l.amount_minor AND abs(l.booked_on - s.day) <= :days),
parts AS (SELECT f.tenant_id, f.line_id, f.line_minor, n.id AS payout_id, n.amount_minor AS payout_minor,
                 count(*) OVER (PARTITION BY n.id) AS of_payout
          FROM found f JOIN numbered n ON n.currency = f.currency AND n.n BETWEEN f.first AND f.last
          WHERE f.of_line = 1),
whole AS (SELECT p.* FROM parts p
          WHERE NOT EXISTS (SELECT FROM parts q WHERE q.line_id = p.line_id AND q.of_payout > 1)),
claimed AS (
    INSERT INTO recon_claim AS k (tenant_id, side, claimed_id, match_id, rule, amount_minor, claimed_at)
    SELECT DISTINCT w.tenant_id, v.side, v.claimed_id, w.line_id, :rule, v.minor, CAST(:now AS timestamptz)
    FROM whole w CROSS JOIN LATERAL (
        VALUES ('bank', w.line_id, w.line_minor), ('payout', w.payout_id, w.payout_minor)) v(side, claimed_id, minor)
    RETURNING k.side)
SELECT count(*) FILTER (WHERE side = 'payout') FROM claimed""")
_LADDER: Final = {"id": _BY_ID, "unique": _BY_UNIQUE, "batch": _BY_BATCH}
_IS_TAKEN: Final = (
    "EXISTS (SELECT FROM recon_claim c WHERE c.tenant_id = :tenant AND c.side = '{side}' AND c.claimed_id = {id}) "
    "AS is_taken"
)
_LINE_BY_HAND: Final = text(
    f"SELECT l.amount_minor, l.currency, {_IS_TAKEN.format(side='bank', id='l.id')} FROM bank_line l "
    "WHERE l.tenant_id = :tenant AND l.id = :line"
)
_PAYOUTS_BY_HAND: Final = text(
    f"SELECT p.id, p.amount_minor, p.currency, {_IS_TAKEN.format(side='payout', id='p.id')} FROM payout p "
    "WHERE p.tenant_id = :tenant AND p.id = ANY(CAST(:payouts AS uuid[])) ORDER BY p.id"
)
_CLAIM_BY_HAND: Final = text(
    "INSERT INTO recon_claim (tenant_id, side, claimed_id, match_id, rule, amount_minor, claimed_at) "
    "SELECT l.tenant_id, v.side, v.claimed_id, :match, 'manual', v.minor, CAST(:now AS timestamptz) FROM bank_line l "
    "CROSS JOIN LATERAL (SELECT 'bank' AS side, l.id AS claimed_id, l.amount_minor AS minor UNION ALL "
    "SELECT 'payout', p.id, p.amount_minor FROM payout p WHERE p.tenant_id = :tenant "
    "AND p.id = ANY(CAST(:payouts AS uuid[]))) v WHERE l.tenant_id = :tenant AND l.id = :line"
)
