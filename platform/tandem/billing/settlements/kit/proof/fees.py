"""Fees, from the rule and its inputs."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any

from tandem.billing.settlements.kit.proof.books import check_between
from tandem.billing.settlements.kit.proof.files import Kit, compact

# --- fees: from the rule and its inputs


NOTHING_AGREED = {"percent_of_net": "0", "per_visit_minor": 0, "cap_percent": None, "cap_per_visit_minor": None}


def check_fees(kit: Kit) -> None:
    """Every fee and every reversal follows from the terms, and every journal of a fee has its record."""
    terms = read_terms(kit)
    usage = {record["id"]: (where, record) for where, record in kit.records("usage.jsonl")}
    accruals = {}
    for where, accrual in kit.records("accruals.jsonl"):
        check_accrual(kit, where, accrual, usage.pop(accrual["usage_event_id"], None), terms)
        left = accrual["disputed_minor"]
        accruals[accrual["usage_event_id"]] = {**accrual, "where": where, "refunded_minor": 0, "left_minor": left}
    for where, _ in usage.values():
        kit.fault(where, "a use without its accrual 用量无计提")
    for where, reversal in kit.records("reversals.jsonl"):
        check_reversal(kit, where, reversal, accruals.get(reversal["usage_event_id"]))
    for accrual in accruals.values():
        check_decision(kit, accrual)
    for where, adjustment in kit.records("adjustments.jsonl"):
        check_adjustment(kit, where, adjustment)
    for (kind, key), found in sorted(kit.booked.items(), key=lambda each: each[1]["where"]):
        if kind == "monthly_fee":
            check_monthly_fee(kit, found, key, terms)
        elif "explained" not in found:
            kit.fault(found["where"], f"no record explains this {kind} 无依据的凭证")
    check_between(kit, {usage_id: accrual["payable_from"] for usage_id, accrual in accruals.items()})


def read_terms(kit: Kit) -> dict[str, dict[str, Any]]:
    """The agreement's versions, each with the digest that both parties confirmed."""
    terms = {}
    for where, version in kit.records("terms.jsonl"):
        if sha256(compact(version["terms"])).hexdigest() != version["terms_sha256"]:
            kit.fault(where, "these are not the terms that were confirmed 与双方确认的条款不符")
        terms[version["id"]] = {**version, **version["terms"]}
    return terms


def check_accrual(
    kit: Kit,
    where: str,
    accrual: dict[str, Any],
    used: tuple[str, dict[str, Any]] | None,
    terms: dict[str, dict[str, Any]],
) -> None:
    if used is None:
        kit.fault(where, "an accrual without its use 计提无用量")
        return
    kit.counts["fees"] += 1
    usage = used[1]
    # A visit accrued before anything was agreed owes nothing, also where a later agreement looks back.
    version = ruling_at(terms, usage["at"]) if accrual["agreement_version_id"] else None
    wanted = {"basis_minor": usage["amount_minor"], "agreement_version_id": version["id"] if version else None}
    wanted.update({name: usage[name] for name in ("at", "currency", "programme_id", "payment_id")})
    wanted.update(fee_of(usage["amount_minor"], version or NOTHING_AGREED, accrual))
    days = timedelta(days=version["refund_window_days"] if version else 0)
    wanted["payable_from"] = (datetime.fromisoformat(usage["at"]) + days).isoformat(timespec="microseconds")
    for name, value in wanted.items():
        if accrual[name] != value:
            kit.fault(f"{where}, {used[0]}", f"{name} says {accrual[name]}, terms and use give {value} 复算不符")
    kind = "programme_revenue" if usage["programme_id"] else "medical_revenue"
    rule = rule_names(version)
    explain(kit, where, kind, usage["id"], {"revenue_minor": usage["amount_minor"]}, accrual["revenue_seq"])
    explain(kit, where, "operator_fee", usage["id"], {"fee_minor": wanted["fee_minor"]}, accrual["fee_seq"], rule)
    if accrual["traffic_seq"] is not None:
        agreed = (version or {}).get("traffic_per_visit_minor")
        if accrual["traffic_minor"] != agreed:
            kit.fault(where, f"traffic_minor says {accrual['traffic_minor']}, the terms give {agreed} 复算不符")
        brought = {"fee_minor": accrual["traffic_minor"]}
        explain(kit, where, "traffic_fee", usage["id"], brought, accrual["traffic_seq"], rule)
    beyond = {"excess_minor": wanted["disputed_minor"]}
    explain(kit, where, "operator_fee_parked", usage["id"], beyond, accrual["parked_seq"], rule)


def check_reversal(kit: Kit, where: str, reversal: dict[str, Any], accrual: dict[str, Any] | None) -> None:
    """What a refund takes back: the part of all refunds so far, less the part of those before."""
    if accrual is None:
        kit.fault(where, "a reversal without its accrual 冲回无计提")
        return
    kit.counts["reversals"] += 1
    before, basis = accrual["refunded_minor"], accrual["basis_minor"]
    asked = -reversal["asked_minor"] if reversal["is_return"] else reversal["asked_minor"]
    refund = max(-before, min(asked, basis - before))
    accrual["refunded_minor"] = after = before + refund
    fee = part_of(after, accrual["fee_minor"], basis) - part_of(before, accrual["fee_minor"], basis)
    excess = part_of(after, accrual["disputed_minor"], basis) - part_of(before, accrual["disputed_minor"], basis)
    seq = reversal["seq"]
    brought = accrual["traffic_minor"] if (accrual["traffic_seq"] or seq) < seq else 0
    traffic = part_of(after, brought, basis) - part_of(before, brought, basis)
    decision = accrual["decision"] if accrual["decision_seq"] is not None and accrual["decision_seq"] < seq else None
    if decision == "waived":
        excess = 0
    elif decision is None:
        accrual["left_minor"] -= excess
    for name, value in (
        ("refund_minor", refund),
        ("fee_minor", fee),
        ("excess_minor", excess),
        ("traffic_minor", traffic),
    ):
        if reversal[name] != value:
            kit.fault(where, f"{name} says {reversal[name]}, the recorded split gives {value} 复算不符")
    key = reversal["refund_id"]
    if reversal["cause"] == "dispute":
        explain(kit, where, "operator_fee_lost", key, {"fee_minor": -fee}, seq)
    else:
        verb = "restored" if refund < 0 else "reversed"
        kind = "programme_revenue" if accrual["programme_id"] else "medical_revenue"
        explain(kit, where, f"{kind}_{verb}", key, {"revenue_minor": -refund}, seq)
        explain(kit, where, f"operator_fee_{verb}", key, {"fee_minor": -fee}, seq)
    key += "-returned" if reversal["is_return"] else ""
    explain(kit, where, "traffic_fee_reversed", key, {"fee_minor": -traffic}, seq)
    if decision == "granted":
        explain(kit, where, "operator_fee_excess_reversed", key, {"fee_minor": -excess}, seq)
    else:
        explain(kit, where, "operator_fee_unparked", key, {"excess_minor": -excess}, seq)


def check_decision(kit: Kit, accrual: dict[str, Any]) -> None:
    """What the hospital granted, or the operator waived, of a fee beyond a cap: what refunds had left of it by then."""
    if accrual["decision"] is not None:
        sign = 1 if accrual["decision"] == "granted" else 0
        says = {"fee_minor": accrual["left_minor"]} if sign else {"excess_minor": -accrual["left_minor"]}
        kind = f"operator_fee_{accrual['decision']}"
        explain(kit, accrual["where"], kind, accrual["usage_event_id"], says, accrual["decision_seq"])


def check_adjustment(kit: Kit, where: str, adjustment: dict[str, Any]) -> None:
    """A correction that one party proposed and the other accepted, of the statement that its journal names."""
    kit.counts["adjustments"] += 1
    if {adjustment["proposed_party"], adjustment["decided_party"]} != {"hospital", "operator"}:
        kit.fault(where, "one party proposed it and said yes to it 须由双方分别提出与接受")
    found = kit.booked.get(("fee_adjusted", adjustment["id"]))
    if found is not None and found["source_id"] != adjustment["statement_id"]:
        kit.fault(f"{where}, {found['where']}", "it adjusts another statement 所调整的结算单不符")
    explain(kit, where, "fee_adjusted", adjustment["id"], {"fee_minor": adjustment["amount_minor"]}, adjustment["seq"])


def check_monthly_fee(kit: Kit, found: dict[str, Any], key: str, terms: dict[str, dict[str, Any]]) -> None:
    """A month's fee: the monthly fee times the days the version ruled, of the days of the month, rounded once."""
    kit.counts["monthly fees"] += 1
    version_id, _, month = key.partition(":")
    version = terms.get(version_id)
    days, ruled = days_ruled(terms, version_id, month)
    wanted = half_up(Fraction(version["monthly_minor"] * ruled, days)) if version else 0
    if version is None or found["fee_minor"] != wanted or found["rule"] not in rule_names(version):
        kit.fault(found["where"], f"this monthly fee is not what the terms give, {wanted} 月费与条款不符")


def days_ruled(terms: dict[str, dict[str, Any]], version_id: str, month: str) -> tuple[int, int]:
    """The days of a month, and on how many of them this version ruled when the day ended (business days, UTC+8)."""
    day = datetime.fromisoformat(f"{month}-01T00:00:00+08:00")
    days = ruled = 0
    while day.strftime("%Y-%m") == month:
        day += timedelta(days=1)
        version = ruling_at(terms, (day - timedelta(microseconds=1)).isoformat())
        days += 1
        ruled += 1 if version is not None and version["id"] == version_id else 0
    return days, ruled


def explain(
    kit: Kit, where: str, kind: str, key: str, says: dict[str, int], seq: int | None, rules: tuple[str, ...] = ()
) -> None:
    """Hold a record against its journal, where the journal stands in this kit and not in an earlier statement's."""
    found = kit.booked.get((kind, key))
    ((name, amount),) = says.items()
    if found is not None:
        found["explained"] = True
        if found[name] != amount or (rules and found["rule"] not in rules):
            kit.fault(f"{where}, {found['where']}", f"{kind}: the record gives {amount}, booked was {found[name]} 不符")
    elif amount and (seq is None or seq >= kit.manifest["first_seq"]):
        kit.fault(where, f"{kind} of {amount} was never booked 未入账")


def ruling_at(terms: dict[str, dict[str, Any]], moment: str) -> dict[str, Any] | None:
    """The version of the agreement in force at a moment; before the first one nothing was agreed."""
    at = datetime.fromisoformat(moment)
    ruling = [
        version
        for version in terms.values()
        if datetime.fromisoformat(version["effective_from"]) <= at
        and (version["effective_until"] is None or at < datetime.fromisoformat(version["effective_until"]))
    ]
    return max(ruling, key=lambda version: version["number"]) if ruling else None


def rule_names(version: dict[str, Any] | None) -> tuple[str, ...]:
    """How a journal names its formula, behind its posting rule: the version, and the digest of its terms."""
    if version is None:
        return ("agreement:none",)
    return (f"agreement:{version['id']}@{version['terms_sha256'][:32]}", f"agreement:{version['id']}")


def fee_of(basis: int, terms: dict[str, Any], accrual: dict[str, Any]) -> dict[str, Any]:
    """The fee on a visit paid with `basis`: exact, rounded once (half up), a cap floored, never above what was paid."""
    exact = Fraction(basis) * Fraction(terms["percent_of_net"]) / 100
    percent_part, uncapped = half_up(exact), half_up(exact + terms["per_visit_minor"])
    limits = []
    if terms.get("zero_on_medical"):
        limits.append((0, "zero_on_medical"))
    if terms["cap_percent"] is not None:
        limits.append((int(Fraction(basis) * Fraction(terms["cap_percent"]) / 100), "percent"))
    if terms["cap_per_visit_minor"] is not None:
        limits.append((terms["cap_per_visit_minor"], "per_visit"))
    before = accrual.get("programme_fees_before_minor")
    if terms.get("cap_per_programme_minor") is not None and before is not None:
        limits.append((max(0, terms["cap_per_programme_minor"] - before), "per_programme"))
    limit, cap = min([*limits, (basis, "net")], key=lambda each: each[0])
    return {
        "percent_part_minor": percent_part,
        "per_visit_part_minor": uncapped - percent_part,
        "uncapped_minor": uncapped,
        "fee_minor": min(uncapped, limit),
        "disputed_minor": max(0, uncapped - limit),
        "cap": cap if uncapped > limit else None,
    }


def half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def part_of(refunded: int, fee: int, basis: int) -> int:
    """The part of a fee that goes back with what was refunded in all, rounded half up."""
    exact = Fraction(refunded * fee, basis) if basis else Fraction(0)
    return int(exact) + (1 if exact - int(exact) >= Fraction(1, 2) else 0)
