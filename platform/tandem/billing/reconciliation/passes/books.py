"""R7 and R8: a book against its own seals, and clearing accounts against time."""

from typing import Any, Final

from tandem.billing.ledger import verify_books
from tandem.billing.reconciliation.findings import Finding
from tandem.billing.reconciliation.matching import Comparison, Keys
from tandem.billing.reconciliation.passes.faults import fault
from tandem.billing.reconciliation.passes.told import Told
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import clock

CLEARING: Final = ("suspense", "refund.payable", "dispute.hold", "cash.psp")
"""Accounts through which money only passes; how long it may take is a rule, `sla_days.` and the account."""


def books_and_seals() -> Told:
    """R7: every book is gapless, balanced, sealed, and its cached balances are what its entries add up to."""
    told = Told("R7.sealed")
    for verdict in verify_books():
        key = f"book:{verdict.currency}"
        told.looked_at.append(key)
        told.checked_count += verdict.journals
        if not verdict.is_sound:
            evidence = {"faults": str(verdict.fault_count), "first": verdict.faults[0]}
            told.found.append(
                Finding(key, "book_unsound", "chain_break", "operator", 0, 0, clock.now(), verdict.currency,
                        evidence=evidence, no_journal="broken_seal")
            )  # fmt: skip
    return told


def clearing_terms(rules: Rules) -> dict[str, Any]:
    """Until when each clearing account should have been cleared by now, as parameters of `R8.cleared`."""
    return {
        "clearing_codes": list(CLEARING),
        "cleared_until": [clock.now() - rules.days(f"sla_days.{code}") for code in CLEARING],
    }


def _cleared(keys: Keys) -> str:
    owner = "CASE WHEN c.code = 'suspense' THEN 'operator' WHEN c.code = 'refund.payable' THEN 'hospital' "
    owner += "ELSE 'provider' END"
    stale = fault(
        "clearing_stale", "stale_suspense", owner, expected="0", actual="c.stale", currency="c.currency", at="c.until",
        group="'clearing_stale\\:' || c.code",
        evidence="jsonb_build_object('account', c.code, 'cleared_until', c.until)", no_journal="by_hand",
    )  # fmt: skip
    # First in, first out: what stood before the limit and no later entry of the other side has taken away.
    return f"""
SELECT 'clearing\\:' || c.code || '\\:' || c.currency AS key, '0' AS left_text, c.stale::text AS right_text,
       -c.stale AS diff_minor, CASE WHEN c.stale <> 0 THEN {stale} END AS fault
FROM (
    SELECT s.code, s.currency, s.until,
           greatest(0, s.old_debits - s.credits) - greatest(0, s.old_credits - s.debits) AS stale
    FROM (
        SELECT a.code, b.currency, u.until,
               coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0), 0)::bigint AS debits,
               coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0), 0)::bigint AS credits,
               coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0 AND j.effective_at < u.until), 0)::bigint
                   AS old_debits,
               coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0 AND j.effective_at < u.until), 0)::bigint
                   AS old_credits
        FROM account a
        JOIN unnest(CAST(:clearing_codes AS text[]), CAST(:cleared_until AS timestamptz[])) AS u(code, until)
          ON u.code = a.code
        JOIN book b ON b.tenant_id = a.tenant_id AND b.id = a.book_id
        JOIN entry e ON e.tenant_id = a.tenant_id AND e.account_id = a.id
        JOIN journal j ON j.tenant_id = e.tenant_id AND j.book_id = e.book_id AND j.seq = e.seq
        WHERE a.tenant_id = :tenant AND b.tenant_id = :tenant AND e.tenant_id = :tenant AND j.tenant_id = :tenant
          AND {keys.within("a.code", "split_part(s.key, ':', 2)")}
          AND (a.code <> 'cash.psp' OR EXISTS (SELECT FROM payout p WHERE p.tenant_id = :tenant))
        GROUP BY a.code, b.currency, u.until) s) c"""


CLEARED: Final = Comparison(
    "R8.cleared",
    _cleared,
    # Time itself changes them: each is looked at in every run.
    dirty="SELECT 'clearing\\:' || a.code || '\\:' || b.currency AS key FROM account a JOIN book b "
    "ON b.tenant_id = a.tenant_id AND b.id = a.book_id WHERE a.tenant_id = :tenant AND b.tenant_id = :tenant "
    "AND a.code = ANY(CAST(:clearing_codes AS text[]))",
    stores_matches=False,
)
"""What only passes through an account has passed within its time; cash at the provider once there are payouts."""
