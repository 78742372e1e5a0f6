"""From items to differences: opened, seen again, resolved, or held back because there are suddenly far too many."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def heed_agreements(name: str) -> None:
    """What both parties have agreed to let be is not looked at again until something about it changes."""
    session.execute(_HEED, {"tenant": tenant_id(), "comparison": name})


def settle_items(name: str, rules: Rules, run_id: UUID, now: datetime, checked: int) -> tuple[int, bool]:
    """Make differences of a comparison's items; returns how many are new, and whether the comparison is parked."""
    names: dict[str, Any] = {
        "tenant": tenant_id(),
        "comparison": name,
        "pass": name.partition(".")[0],
        "run": run_id,
        "now": now,
    }
    new = int(session.execute(_COUNT_NEW, names).scalar_one())
    is_parked = session.execute(_IS_PARKED, names).scalar_one() or _is_runaway(names, rules, new, checked)
    if not is_parked:
        deadlines = {f"{owner}_until": now + rules.deadlines[owner] for owner in rules.deadlines}
        session.execute(_SEE, names | deadlines | {"zone": clock.BUSINESS_ZONE})
    session.execute(_RESOLVE, names)
    if new:
        audit.record(
            action="reconciliation.differs", object_type="recon_pass_run", object_id=run_id, details={"new": new}
        )
    return new, is_parked


def _is_runaway(names: dict[str, Any], rules: Rules, new: int, checked: int) -> bool:
    """Park the comparison when what it finds is out of all proportion to what it found before."""
    most = int(session.execute(_MOST_OF_LATE, names).scalar_one())
    limit = max(rules.guard_floor, rules.guard_factor * most)
    if new <= limit:
        return False
    told = f"{new} new differences among {checked} keys; at most {limit} were to be expected"
    deadline = {"until": names["now"] + rules.deadlines["operator"], "zone": clock.BUSINESS_ZONE}
    session.execute(_PARK, names | {"told": told})
    session.execute(_TELL_PARKED, names | deadline | {"told": told, "new": new, "key": parked_key(names["comparison"])})
    audit.record(
        action="reconciliation.parked", object_type="recon_pass_run", object_id=names["run"], details={"new": new}
    )
    return True


def parked_key(comparison: str) -> str:
    """The natural key of the difference that tells of a parked comparison."""
    return f"parked:{comparison}"


_HEED: Final = text(
    "UPDATE recon_item i SET status = 'settled' FROM discrepancy d WHERE i.tenant_id = :tenant "
    "AND i.comparison = :comparison AND i.status = 'differs' AND d.tenant_id = i.tenant_id "
    "AND d.comparison = i.comparison AND d.natural_key = i.natural_key AND d.status = 'resolved' "
    "AND d.settled_by IS NOT NULL"
)
_COUNT_NEW: Final = text(
    "SELECT count(*) FROM recon_item i WHERE i.tenant_id = :tenant AND i.comparison = :comparison "
    "AND i.status = 'differs' AND i.run_id = :run AND NOT EXISTS (SELECT FROM discrepancy d "
    "WHERE d.tenant_id = :tenant AND d.comparison = i.comparison AND d.natural_key = i.natural_key "
    "AND d.status <> 'resolved')"
)
_IS_PARKED: Final = text(
    "SELECT parked_at IS NOT NULL FROM recon_watermark WHERE tenant_id = :tenant AND comparison = :comparison "
    "AND source = 'xid'"
)
_MOST_OF_LATE: Final = text(
    "SELECT coalesce(max(r.new_count), 0) FROM (SELECT new_count FROM recon_pass_run WHERE tenant_id = :tenant "
    "AND comparison = :comparison AND NOT is_parked ORDER BY finished_at DESC LIMIT 20) r"
)
_PARK: Final = text(
    "UPDATE recon_watermark SET parked_at = :now, parked_because = :told WHERE tenant_id = :tenant "
    "AND comparison = :comparison AND source = 'xid'"
)
_SHOWN: Final = (
    "tenant_id, id, reconciliation_pass, comparison, natural_key, kind, fault, cause_group, day, owner, status, cause, "
    "explained_by, expected_minor, actual_minor, amount_at_risk_minor, currency, evidence, first_seen_at, "
    "last_seen_at, seen_count, deadline_at, version"
)
_TELL_PARKED: Final = text(
    f"INSERT INTO discrepancy AS d ({_SHOWN}) "
    "SELECT w.tenant_id, md5(w.tenant_id::text || '/' || :pass || '/' || :key)::uuid, :pass, :comparison, :key, "
    "'pass_parked', 'runaway', :comparison, (CAST(:now AS timestamptz) AT TIME ZONE :zone)::date, 'operator', 'open', "
    "NULL, NULL, 0, 0, (SELECT coalesce(sum(abs(i.diff_minor)), 0) FROM recon_item i WHERE i.tenant_id = :tenant "
    "AND i.comparison = :comparison AND i.status = 'differs'), 'CNY', jsonb_build_object('told', CAST(:told AS text), "
    "'run_id', CAST(:run AS text)), :now, :now, 1, :until, 1 FROM recon_watermark w WHERE w.tenant_id = :tenant "
    "AND w.comparison = :comparison AND w.source = 'xid' "
    "ON CONFLICT (tenant_id, reconciliation_pass, natural_key) DO UPDATE SET status = 'open', resolved_at = NULL, "
    "evidence = EXCLUDED.evidence, amount_at_risk_minor = EXCLUDED.amount_at_risk_minor, last_seen_at = :now, "
    "seen_count = d.seen_count + 1, deadline_at = EXCLUDED.deadline_at, version = d.version + 1"
)
# Seen again it is the same fault with its history: a counter, not a row. A person's explanation holds for the sums it
# was given for; a rule's holds as long as the rule says so.
_SEE: Final = text(
    f"INSERT INTO discrepancy AS d ({_SHOWN}) "
    "SELECT i.tenant_id, md5(i.tenant_id::text || '/' || :pass || '/' || i.natural_key)::uuid, :pass, i.comparison, "
    'i.natural_key, f.kind, f.fault, f."group", (f.at AT TIME ZONE :zone)::date, f.owner, '
    "CASE WHEN f.cause IS NULL THEN 'open' ELSE 'explained' END, f.cause, "
    "CASE WHEN f.cause IS NULL THEN NULL ELSE 'rule' END, f.expected_minor, f.actual_minor, "
    "coalesce(f.at_risk_minor, abs(f.expected_minor - f.actual_minor)), f.currency, f.evidence, :now, :now, 1, "
    "CASE f.owner WHEN 'provider' THEN CAST(:provider_until AS timestamptz) "
    "WHEN 'hospital' THEN CAST(:hospital_until AS timestamptz) ELSE CAST(:operator_until AS timestamptz) END, 1 "
    'FROM recon_item i CROSS JOIN LATERAL jsonb_to_record(i.fault) AS f(kind text, fault text, "group" text, '
    "at timestamptz, owner text, cause text, expected_minor bigint, actual_minor bigint, at_risk_minor bigint, "
    "currency text, evidence jsonb) "
    "WHERE i.tenant_id = :tenant AND i.comparison = :comparison AND i.status = 'differs' "
    "ON CONFLICT (tenant_id, reconciliation_pass, natural_key) DO UPDATE SET kind = EXCLUDED.kind, "
    "comparison = EXCLUDED.comparison, fault = EXCLUDED.fault, cause_group = EXCLUDED.cause_group, "
    "day = EXCLUDED.day, owner = EXCLUDED.owner, evidence = EXCLUDED.evidence, "
    "expected_minor = EXCLUDED.expected_minor, actual_minor = EXCLUDED.actual_minor, "
    "amount_at_risk_minor = EXCLUDED.amount_at_risk_minor, last_seen_at = :now, seen_count = d.seen_count + 1, "
    "version = d.version + 1, resolved_at = NULL, settled_by = NULL, "
    "deadline_at = CASE d.status WHEN 'resolved' THEN EXCLUDED.deadline_at ELSE d.deadline_at END, "
    "status = CASE WHEN EXCLUDED.cause IS NOT NULL OR d.status = 'explained' AND d.explained_by <> 'rule' "
    "AND (d.expected_minor, d.actual_minor) = (EXCLUDED.expected_minor, EXCLUDED.actual_minor) "
    "THEN 'explained' ELSE 'open' END, "
    "cause = CASE WHEN d.explained_by <> 'rule' THEN coalesce(EXCLUDED.cause, d.cause) ELSE EXCLUDED.cause END, "
    "explained_by = CASE WHEN EXCLUDED.cause IS NOT NULL THEN 'rule' WHEN d.explained_by = 'rule' THEN NULL "
    "ELSE d.explained_by END"
)
_RESOLVE: Final = text(
    "UPDATE discrepancy d SET status = 'resolved', resolved_at = :now, version = d.version + 1 FROM recon_item i "
    "WHERE d.tenant_id = :tenant AND d.comparison = :comparison AND d.status <> 'resolved' "
    "AND i.tenant_id = d.tenant_id AND i.comparison = d.comparison "
    "AND i.natural_key = d.natural_key COLLATE \"C\" AND i.status IN ('matched', 'gone')"
)
