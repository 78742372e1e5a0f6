"""Fees, from the rule and its inputs."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any

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
        accruals[accrual["usage_event_id"]] = {**accrual, "refunded_minor": 0}
    for where, _ in usage.values():
        kit.fault(where, "a use without its accrual 用量无计提")
    for where, reversal in kit.records("reversals.jsonl"):
        check_reversal(kit, where, reversal, accruals.get(reversal["usage_event_id"]))
    for (kind, key), found in sorted(kit.booked.items(), key=lambda each: each[1]["where"]):
        if kind == "monthly_fee":
            check_monthly_fee(kit, found, key, terms)
        elif "explained" not in found:
            kit.fault(found["where"], f"no record explains this {kind} 无依据的凭证")


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
    explain(kit, where, kind, usage["id"], {"revenue_minor": usage["amount_minor"]}, accrual["revenue_seq"])
    rule = rule_names(version)
    explain(kit, where, "operator_fee", usage["id"], {"fee_minor": wanted["fee_minor"]}, accrual["fee_seq"], rule)


def check_reversal(kit: Kit, where: str, reversal: dict[str, Any], accrual: dict[str, Any] | None) -> None:
    """What a refund takes back: the part of all refunds so far, less the part of those before."""
    if accrual is None:
        kit.fault(where, "a reversal without its accrual 冲回无计提")
        return
    kit.counts["reversals"] += 1
    before, basis, fee = accrual["refunded_minor"], accrual["basis_minor"], accrual["fee_minor"]
    asked = -reversal["asked_minor"] if reversal["is_return"] else reversal["asked_minor"]
    refund = max(-before, min(asked, basis - before))
    accrual["refunded_minor"] = before + refund
    taken_back = part_of(before + refund, fee, basis) - part_of(before, fee, basis)
    for name, value in (("refund_minor", refund), ("fee_minor", taken_back)):
        if reversal[name] != value:
            kit.fault(where, f"{name} says {reversal[name]}, the recorded split gives {value} 复算不符")
    verb = "restored" if refund < 0 else "reversed"
    kind = "programme_revenue" if accrual["programme_id"] else "medical_revenue"
    key, seq = reversal["refund_id"], reversal["seq"]
    explain(kit, where, f"{kind}_{verb}", key, {"revenue_minor": -refund}, seq)
    explain(kit, where, f"operator_fee_{verb}", key, {"fee_minor": -taken_back}, seq)


def check_monthly_fee(kit: Kit, found: dict[str, Any], key: str, terms: dict[str, dict[str, Any]]) -> None:
    kit.counts["monthly fees"] += 1
    version = terms.get(key.partition(":")[0])
    if version is None or found["fee_minor"] != version["monthly_minor"] or found["rule"] not in rule_names(version):
        kit.fault(found["where"], "this monthly fee is not what the terms say 月费与条款不符")


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
        "cap": cap if uncapped > limit else None,
    }


def half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def part_of(refunded: int, fee: int, basis: int) -> int:
    """The fee's part of what was refunded in all: largest remainder between the fee and the rest, ties to the fee."""
    exact = Fraction(refunded * fee, basis) if basis else Fraction(0)
    return int(exact) + (1 if exact - int(exact) >= Fraction(1, 2) else 0)
