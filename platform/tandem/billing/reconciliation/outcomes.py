"""From items to differences: opened, seen again, resolved, or held back because there are suddenly far too many."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import TextClause, text

from tandem.billing.reconciliation.findings import OWNERS
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def heed_agreements(name: str) -> None:
    """What both parties agreed to let be is not looked at again, until it changes or one of them asks."""
    names = {"tenant": tenant_id(), "comparison": name}
    session.execute(_HEED, names)
    session.execute(_HEED_REOPENED, names)


def settle_items(
    name: str, rules: Rules, run_id: UUID, now: datetime, checked: int, keys: str | None
) -> tuple[int, bool]:
    """Make differences of the items a run looked at; returns how many are new, and whether the comparison is parked.

    `keys` are what it looked at, as an array literal; None all. What it did not look at stands as it stood, but for the
    first run that is not parked any more: that one tells of everything.
    """
    names: dict[str, Any] = {
        "tenant": tenant_id(),
        "comparison": name,
        "pass": name.partition(".")[0],
        "run": run_id,
        "now": now,
        "keys": keys,
    }
    seen = session.execute(_SEEN_ALL if keys is None else _SEEN_THESE, names).one()
    new = int(seen.new_count)
    is_parked = seen.is_parked or _is_runaway(names, rules, new, checked)
    if not is_parked:
        deadlines = {f"{owner}_until": now + rules.days(f"deadline_days.{owner}") for owner in OWNERS}
        see = _SEE_ALL if keys is None or seen.was_parked else _SEE_THESE
        session.execute(see, names | deadlines | {"zone": clock.BUSINESS_ZONE})
    if seen.agreeing_count:
        session.execute(_RESOLVE_ALL if keys is None else _RESOLVE_THESE, names)
    _tolerate(names, rules)
    session.execute(_STEPS, names)
    if new:
        audit.record(
            action="reconciliation.differs", object_type="recon_pass_run", object_id=run_id, details={"new": new}
        )
    return new, is_parked


def _is_runaway(names: dict[str, Any], rules: Rules, new: int, checked: int) -> bool:
    """Park the comparison when what it finds is out of all proportion to what it found before."""
    if new <= rules.value("guard_floor"):
        return False
    most = int(session.execute(_MOST_OF_LATE, names).scalar_one())
    limit = max(rules.value("guard_floor"), rules.value("guard_factor") * most)
    if new <= limit:
        return False
    told = f"{new} new differences among {checked} keys; at most {limit} were to be expected"
    deadline = {"until": names["now"] + rules.days("deadline_days.operator"), "zone": clock.BUSINESS_ZONE}
    session.execute(_PARK, names | {"told": told})
    session.execute(_TELL_PARKED, names | deadline | {"told": told, "new": new, "key": parked_key(names["comparison"])})
    audit.record(
        action="reconciliation.parked", object_type="recon_pass_run", object_id=names["run"], details={"new": new}
    )
    return True


def _tolerate(names: dict[str, Any], rules: Rules) -> None:
    """Let small sums be, oldest first, as long as the organisation's budget of this month lasts."""
    most, budget = rules.value("tolerance_minor"), rules.value("tolerance_budget_minor")
    if not most or not budget:
        return
    # One row for all comparisons of the tenant: two at once do not spend the same budget.
    session.execute(_LOCK_BUDGET, names)
    first_of_month, _ = clock.day_bounds(names["now"].astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date().replace(day=1))
    facts = names | {"most": most, "budget": budget, "since": first_of_month}
    session.execute(_TOLERATE, facts | {"why": f"at most {most} minor units, by rule version {rules.version}"})


def parked_key(comparison: str) -> str:
    """The natural key of the difference that tells of a parked comparison."""
    return f"parked:{comparison}"


_HEED: Final = text(
    "UPDATE recon_item i SET status = 'settled' FROM discrepancy d WHERE i.tenant_id = :tenant "
    "AND i.comparison = :comparison AND i.status = 'differs' AND d.tenant_id = i.tenant_id "
    "AND d.comparison = i.comparison AND d.natural_key = i.natural_key AND d.status = 'resolved' "
    "AND d.settled_by IS NOT NULL"
)
# From the few that are settled, not from all that stand open.
_HEED_REOPENED: Final = text(
    "UPDATE recon_item i SET status = 'differs' WHERE i.tenant_id = :tenant AND i.comparison = :comparison "
    "AND i.status = 'settled' AND EXISTS (SELECT FROM discrepancy d WHERE d.tenant_id = :tenant "
    "AND d.comparison = :comparison AND d.natural_key = i.natural_key AND d.status <> 'resolved' OFFSET 0)"
)
# Sets are taken from one another: the same work whatever the planner thinks of tables that have only just been filled.
# Of a few keys only theirs are read: what stands open besides may be as much as years of it.
_UNRESOLVED: Final = (
    "SELECT d.natural_key FROM discrepancy d WHERE d.tenant_id = :tenant AND d.comparison = :comparison "
    "AND d.status <> 'resolved'{these_d}"
)
_DIFFERING: Final = (
    "SELECT i.natural_key FROM recon_item i WHERE i.tenant_id = :tenant AND i.comparison = :comparison "
    "AND i.status = 'differs'{these_i}"
)
# What a run has not written is not new, so only its own items are counted. Where nothing that stands open may agree by
# now, nothing is resolved.
_SEEN: Final = (
    "SELECT w.parked_at IS NOT NULL AS is_parked, coalesce((SELECT r.is_parked FROM recon_pass_run r "
    "WHERE r.tenant_id = :tenant AND r.comparison = :comparison ORDER BY r.finished_at DESC, r.id DESC LIMIT 1), "
    f"false) AS was_parked, (SELECT count(*) FROM ({_DIFFERING} AND i.run_id = :run EXCEPT {_UNRESOLVED}) n) "
    f"AS new_count, (SELECT count(*) FROM ({_UNRESOLVED} EXCEPT {_DIFFERING}) a) AS agreeing_count "
    "FROM recon_watermark w WHERE w.tenant_id = :tenant AND w.comparison = :comparison "
    "AND w.source = 'xid'"
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
    "explained_by, expected_minor, actual_minor, amount_at_risk_minor, currency, evidence, proposed_journal, "
    "no_journal_because, first_seen_at, last_seen_at, seen_count, deadline_at, version, state_run_id"
)
_IS_EXPLAINED: Final = (
    "(EXCLUDED.cause IS NOT NULL OR d.status = 'explained' AND d.explained_by <> 'rule' "
    "AND (d.expected_minor, d.actual_minor) = (EXCLUDED.expected_minor, EXCLUDED.actual_minor))"
)
_NEXT_STATUS: Final = f"CASE WHEN {_IS_EXPLAINED} THEN 'explained' ELSE 'open' END"
_TELL_PARKED: Final = text(
    f"INSERT INTO discrepancy AS d ({_SHOWN}) "
    "SELECT w.tenant_id, md5(w.tenant_id::text || '/' || :pass || '/' || :key)::uuid, :pass, :comparison, :key, "
    "'pass_parked', 'runaway', :comparison, (CAST(:now AS timestamptz) AT TIME ZONE :zone)::date, 'operator', 'open', "
    "NULL, NULL, 0, 0, (SELECT coalesce(sum(abs(i.diff_minor)), 0) FROM recon_item i WHERE i.tenant_id = :tenant "
    "AND i.comparison = :comparison AND i.status = 'differs'), 'CNY', jsonb_build_object('told', CAST(:told AS text), "
    "'run_id', CAST(:run AS text)), NULL, 'release', :now, :now, 1, :until, 1, :run "
    "FROM recon_watermark w WHERE w.tenant_id = :tenant AND w.comparison = :comparison AND w.source = 'xid' "
    "ON CONFLICT (tenant_id, reconciliation_pass, natural_key) DO UPDATE SET status = 'open', resolved_at = NULL, "
    "evidence = EXCLUDED.evidence, amount_at_risk_minor = EXCLUDED.amount_at_risk_minor, last_seen_at = :now, "
    "seen_count = d.seen_count + 1, deadline_at = EXCLUDED.deadline_at, version = d.version + 1, settled_by = NULL, "
    "previous_status = d.status, state_run_id = :run"
)
# Seen again it is the same fault with its history: a counter, not a row. A person's explanation holds for the sums it
# was given for; a rule's holds as long as the rule says so.
_SEE: Final = (
    f"INSERT INTO discrepancy AS d ({_SHOWN}) "
    "SELECT i.tenant_id, md5(i.tenant_id::text || '/' || :pass || '/' || i.natural_key)::uuid, :pass, i.comparison, "
    'i.natural_key, f.kind, f.fault, f."group", (f.at AT TIME ZONE :zone)::date, f.owner, '
    "CASE WHEN f.cause IS NULL THEN 'open' ELSE 'explained' END, f.cause, "
    "CASE WHEN f.cause IS NULL THEN NULL ELSE 'rule' END, f.expected_minor, f.actual_minor, "
    "coalesce(f.at_risk_minor, abs(f.expected_minor - f.actual_minor)), f.currency, f.evidence, f.journal, "
    "CASE WHEN f.journal IS NULL THEN coalesce(f.no_journal, 'by_hand') END, :now, :now, 1, "
    "CASE WHEN f.owner = 'provider' THEN CAST(:provider_until AS timestamptz) "
    "WHEN f.owner = 'hospital' THEN CAST(:hospital_until AS timestamptz) "
    "ELSE CAST(:operator_until AS timestamptz) END, 1, :run "
    'FROM recon_item i CROSS JOIN LATERAL jsonb_to_record(i.fault) AS f(kind text, fault text, "group" text, '
    "at timestamptz, owner text, cause text, expected_minor bigint, actual_minor bigint, at_risk_minor bigint, "
    "currency text, evidence jsonb, journal jsonb, no_journal text) "
    "WHERE i.tenant_id = :tenant AND i.comparison = :comparison AND i.status = 'differs'{these_i} "
    "ON CONFLICT (tenant_id, reconciliation_pass, natural_key) DO UPDATE SET kind = EXCLUDED.kind, "
    "comparison = EXCLUDED.comparison, fault = EXCLUDED.fault, cause_group = EXCLUDED.cause_group, "
    "day = EXCLUDED.day, owner = EXCLUDED.owner, evidence = EXCLUDED.evidence, "
    "proposed_journal = EXCLUDED.proposed_journal, no_journal_because = EXCLUDED.no_journal_because, "
    "expected_minor = EXCLUDED.expected_minor, actual_minor = EXCLUDED.actual_minor, "
    "amount_at_risk_minor = EXCLUDED.amount_at_risk_minor, last_seen_at = :now, seen_count = d.seen_count + 1, "
    "version = d.version + 1, resolved_at = NULL, settled_by = NULL, "
    "deadline_at = CASE WHEN d.status = 'resolved' THEN EXCLUDED.deadline_at ELSE d.deadline_at END, "
    f"status = {_NEXT_STATUS}, "
    f"previous_status = CASE WHEN d.status <> {_NEXT_STATUS} THEN d.status ELSE d.previous_status END, "
    f"state_run_id = CASE WHEN d.status <> {_NEXT_STATUS} THEN :run ELSE d.state_run_id END, "
    "cause = CASE WHEN d.explained_by <> 'rule' THEN coalesce(EXCLUDED.cause, d.cause) ELSE EXCLUDED.cause END, "
    "explained_by = CASE WHEN EXCLUDED.cause IS NOT NULL THEN 'rule' WHEN d.explained_by = 'rule' THEN NULL "
    "ELSE d.explained_by END"
)
_RESOLVE: Final = (
    "UPDATE discrepancy d SET previous_status = d.status, status = 'resolved', resolved_at = :now, "
    "version = d.version + 1, state_run_id = :run WHERE d.tenant_id = :tenant AND d.comparison = :comparison "
    "AND d.status <> 'resolved' AND d.natural_key = ANY(ARRAY(SELECT i.natural_key FROM recon_item i "
    "WHERE i.tenant_id = :tenant AND i.comparison = :comparison AND i.status IN ('matched', 'gone') "
    f"AND i.natural_key = ANY(ARRAY({_UNRESOLVED} EXCEPT {_DIFFERING}))))"
)


def _of_keys(statement: str) -> tuple[TextClause, TextClause]:
    """The statement about all keys, and about those of `:keys`."""
    of = "ANY(CAST(:keys AS text[]))"
    these = {"{these_i}": f" AND i.natural_key = {of}", "{these_d}": f" AND d.natural_key = {of}"}
    every = statement
    for name, condition in these.items():
        every, statement = every.replace(name, ""), statement.replace(name, condition)
    return text(every), text(statement)


_SEEN_ALL, _SEEN_THESE = _of_keys(_SEEN)
_SEE_ALL, _SEE_THESE = _of_keys(_SEE)
_RESOLVE_ALL, _RESOLVE_THESE = _of_keys(_RESOLVE)
_STEPS: Final = text(
    "INSERT INTO discrepancy_step (tenant_id, id, discrepancy_id, at, from_status, to_status, by, because) "
    "SELECT d.tenant_id, md5(d.id::text || :run)::uuid, d.id, :now, d.previous_status, d.status, 'run:' || :run, "
    "CASE WHEN d.status = 'resolved' THEN coalesce(CASE WHEN d.settled_by = 'rule' THEN d.cause END, "
    "'a later run no longer finds it') ELSE d.cause END "
    "FROM discrepancy d WHERE d.tenant_id = :tenant AND d.state_run_id = :run"
)
_LOCK_BUDGET: Final = text(
    "INSERT INTO recon_watermark AS w (tenant_id, comparison, source, position) "
    "VALUES (:tenant, 'tolerance', 'budget', 1) "
    "ON CONFLICT (tenant_id, comparison, source) DO UPDATE SET position = w.position + 1"
)
_TOLERATE: Final = text(
    "UPDATE discrepancy d SET previous_status = d.status, status = 'resolved', resolved_at = :now, cause = :why, "
    "settled_by = 'rule', version = d.version + 1, state_run_id = :run FROM (SELECT t.id, "
    "sum(t.amount_at_risk_minor) OVER (ORDER BY t.first_seen_at, t.id) + (SELECT coalesce(sum(u.amount_at_risk_minor), "
    "0) FROM discrepancy u WHERE u.tenant_id = :tenant AND u.settled_by = 'rule' AND u.status = 'resolved' "
    "AND u.resolved_at >= :since) AS spent FROM discrepancy t WHERE t.tenant_id = :tenant "
    "AND t.comparison = :comparison AND t.status = 'open' AND t.fault IN ('amount_over', 'amount_under') "
    "AND t.amount_at_risk_minor BETWEEN 1 AND :most) s WHERE d.tenant_id = :tenant AND d.id = s.id "
    "AND s.spent <= :budget"
)
