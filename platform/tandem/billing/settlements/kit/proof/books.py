"""The books: what was booked, sealed in a chain, and the lines it adds up to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tandem.billing.settlements.kit.proof.files import Kit, Unsound

# --- books: what was booked, sealed in a chain, and the lines it adds up to

# A line of the statement: its name, the account it adds up, in which kinds of journal (none named: in all), whether it
# is only told and not added up, and its name in Chinese.
LINES = (
    ("visits", "rev.medical", ("medical_revenue",), False, "诊疗收入"),
    ("programme_visits", "rev.medical", ("programme_revenue",), False, "项目诊疗收入"),
    ("refunds", "rev.medical", ("medical_revenue_reversed", "medical_revenue_restored"), False, "退款"),
    (
        "programme_refunds",
        "rev.medical",
        ("programme_revenue_reversed", "programme_revenue_restored"),
        False,
        "项目退款",
    ),
    ("provider_fees", "exp.psp_fee", (), False, "支付手续费"),
    ("disputes_lost", "dispute.loss", (), False, "拒付损失"),
    ("operator_fees", "exp.operator_fee", ("operator_fee",), False, "运营服务费"),
    (
        "operator_fees_reversed",
        "exp.operator_fee",
        ("operator_fee_reversed", "operator_fee_restored"),
        False,
        "服务费冲回",
    ),
    ("monthly_fees", "exp.operator_fee", ("monthly_fee",), False, "月费"),
    ("fees_granted", "exp.operator_fee", ("operator_fee_granted",), False, "经同意的超限费"),
    ("granted_fees_reversed", "exp.operator_fee", ("operator_fee_excess_reversed",), False, "超限费冲回"),
    ("fees_lost_in_disputes", "exp.operator_fee", ("operator_fee_lost",), False, "拒付分担"),
    ("traffic_fees", "exp.operator_fee", ("traffic_fee",), False, "引流费"),
    ("traffic_fees_reversed", "exp.operator_fee", ("traffic_fee_reversed",), False, "引流费冲回"),
    ("adjustments", "exp.operator_fee", ("fee_adjusted",), False, "双方同意的调整"),
    ("fees_beyond_caps", "fee.in_dispute", (), True, "超限待裁定（不计入）"),
)
# Journals of these kinds pay what a statement left between the parties; they are not owed themselves.
PAYMENTS = ("settlement_paid", "settlement_transferred")
# The fee in journals of these kinds waits for the end of its visit's refund window before it is payable.
WAITING = (
    "operator_fee", "operator_fee_reversed", "operator_fee_restored", "operator_fee_excess_reversed",
    "operator_fee_lost", "traffic_fee", "traffic_fee_reversed",
)  # fmt: skip


def read_statement(kit: Kit) -> None:
    """The document that was signed, whose hash both parties hold."""
    raw = kit.read("statement.json")
    kit.statement = json.loads(raw)
    party = "employer" if kit.is_employers else "hospital"
    if sha256(raw).hexdigest() != kit.manifest["document_sha256"]:
        kit.fault("statement.json", f"it is not the document that was put before the {party} 非所提交之结算单")
    for name in (f"{party}_id", "number", "currency"):
        if kit.statement[name] != kit.manifest[name]:
            kit.fault("manifest.json", f"it says another {name} than the statement 与结算单不符")


def read_previous(kit: Kit) -> None:
    """The statement that a hospital's follows."""
    previous = json.loads(kit.read("previous.json")) if "previous.json" in kit.manifest["files"] else {"cut_seq": 0}
    kit.statement["previous"] = previous
    if previous["cut_seq"] != kit.statement["previous_cut_seq"]:
        kit.fault("previous.json", "the statement does not begin where the one before it ended 与上一结算单不衔接")


def check_books(kit: Kit, take: Callable[[Kit, str, dict[str, Any], list[dict[str, Any]]], None]) -> None:
    """Every journal says what it said when it was booked, in unbroken sequence up to the statement's cut.

    Each is then given to `take`, with its entries.
    """
    read_rules(kit)
    seq, seal = kit.manifest["first_seq"], kit.manifest["previous_seal"]
    previous = kit.statement["previous"]
    if seq > kit.statement["previous_cut_seq"] + 1:
        kit.fault("manifest.json", "journals after the previous statement are left out 缺少上一结算单之后的凭证")
    entries = kit.records("entries.jsonl")
    waiting = next(entries, None)
    for number, journal in kit.records("journals.jsonl"):
        if seq == previous["cut_seq"] + 1 and seal != (previous.get("book_seal") or "00" * 32):
            kit.fault(number, "the chain does not run through the previous statement's seal 与上一结算单封印不符")
        where = f"{number} (journal {journal['seq']})"
        if journal["seq"] != seq:
            raise Unsound(f"{where}: journal {seq} should stand here 凭证缺失或错位")
        lines = []
        while waiting is not None and waiting[1]["seq"] == seq:
            lines.append(waiting)
            waiting = next(entries, None)
        check_journal(kit, where, journal, lines)
        seal = seal_of(seal, journal)
        if seal != journal["hash"]:
            kit.fault(where, "the chain breaks here 散列链在此中断")
            seal = journal["hash"]
        take(kit, where, journal, [line for _, line in lines])
        seq += 1
    if waiting is not None:
        kit.fault(waiting[0], "an entry without its journal, or out of order 分录无凭证或次序错误")
    if seq - 1 != kit.statement["cut_seq"] or seal != (kit.statement["book_seal"] or "00" * 32):
        kit.fault("statement.json", "its cut and seal are not the last journal's 截点或封印与末笔凭证不符")


def check_journal(kit: Kit, where: str, journal: dict[str, Any], lines: list[tuple[str, dict[str, Any]]]) -> None:
    kit.counts["journals"] += 1
    kit.counts["entries"] += len(lines)
    if lines:
        where += f", {lines[0][0]} to {lines[-1][0].rpartition(' ')[2]}"
    if sum(line["amount_minor"] for _, line in lines) != 0:
        kit.fault(where, "debits and credits do not sum to zero 借贷不平")
    check_rule(kit, where, journal, lines)
    if body_hash(journal, kit.statement["currency"], [line for _, line in lines]) != journal["body_sha256"]:
        kit.fault(where, "it does not say what was booked 内容与入账时不符")


def read_rules(kit: Kit) -> None:
    """The posting rules, each with the hash under which it was recorded, and the accounts that it may move."""
    for where, rule in kit.records("rules.jsonl"):
        says = {name: rule[name] for name in ("basis", "code", "effective_from", "family", "legs", "mirror", "version")}
        if sha256(json.dumps(says, separators=(",", ":"), sort_keys=True).encode()).hexdigest() != rule["sha256"]:
            kit.fault(where, "this is not the rule as it was recorded 与登记的记账规则不符")
        accounts = {leg.split(" ")[1] for leg in rule["legs"]}
        kit.rules[f"{rule['code']}@{rule['version']}"] = accounts


def check_rule(kit: Kit, where: str, journal: dict[str, Any], lines: list[tuple[str, dict[str, Any]]]) -> None:
    """A journal moves the accounts that its rule names, and no other."""
    rule = journal["rule_version"].partition("/")[0]
    accounts = kit.rules.get(rule)
    if accounts is None or rule.partition("@")[0] != journal["kind"]:
        kit.fault(where, f"{rule} is no posting rule of this kind 无此记账规则")
    elif not any("{" in account for account in accounts):
        for number, line in lines:
            if line["account"] not in accounts:
                kit.fault(f"{where}, {number}", f"{rule} does not move {line['account']} 规则不涉及该科目")


def body_hash(journal: dict[str, Any], currency: str, lines: list[dict[str, Any]]) -> str:
    """What a journal says, as the books spell it: compact JSON of strings, integers and nulls, UTF-8, SHA-256."""
    says = [journal["kind"], journal["key"], currency]
    says += [journal[name] for name in ("effective_at", "source_type", "source_id", "rule_version")]
    says += [journal["reverses"], journal["correlation_id"]]
    says.append([[line["account"], line["party"], line["amount_minor"]] for line in lines])
    return sha256(json.dumps(says, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def seal_of(previous: str, journal: dict[str, Any]) -> str:
    """A journal's seal: of the seal before it, its place, when it was booked, and what it says."""
    tail = (journal["seq"], journal["booked_at"].encode(), bytes.fromhex(journal["body_sha256"]))
    return sha256(bytes.fromhex(previous) + b"%d|%s|%s" % tail).hexdigest()


def add_up(kit: Kit, where: str, journal: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    kind, amounts = journal["kind"], Counter()  # type: tuple[str, Counter[str]]
    for line in lines:
        amounts[line["account"]] += line["amount_minor"]
    if amounts.keys() & {"rev.medical", "exp.operator_fee", "fee.in_dispute"}:
        kit.booked[kind, journal["key"]] = {
            "where": where,
            "rule": journal["rule_version"].rpartition("/")[2],
            "source_id": journal["source_id"],
            "revenue_minor": -amounts["rev.medical"],
            "fee_minor": amounts["exp.operator_fee"],
            "excess_minor": amounts["fee.in_dispute"],
        }
    if kind in WAITING:
        kit.waiting.append(
            (journal["correlation_id"], journal["seq"], journal["effective_at"], -amounts["ap.operator"])
        )
    is_new = journal["seq"] > kit.statement["previous_cut_seq"]
    at, since, until = journal["effective_at"], kit.manifest["period_start"], kit.manifest["period_end"]
    if at < until and (is_new or at >= since):
        for line in lines:
            place = (kind, line["account"], line["party"])
            count, amount, late = kit.sums.get(place, (0, 0, 0))
            late += line["amount_minor"] if at < since else 0
            kit.sums[place] = (count + 1, amount + line["amount_minor"], late)


def check_lines(kit: Kit) -> None:
    """The statement's lines are what its entries add up to; what is payable is their sum."""
    told = {line["kind"]: line for line in kit.statement["lines"]}
    if list(told) != [line[0] for line in LINES]:
        raise Unsound("statement.json: its lines are not the agreed ones 结算行与约定不符")
    payable = 0
    for name, account, kinds, is_memo, _ in LINES:
        mine = [kit.sums[key] for key in kit.sums if key[1] == account and (not kinds or key[0] in kinds)]
        count, amount, late = (sum(each[place] for each in mine) for place in (0, 1, 2))
        payable -= 0 if is_memo else amount
        says = {"entries": count, "amount_minor": -amount, "late_minor": -late, "is_memo": is_memo, "kind": name}
        if told[name] != says:
            kit.fault(f"statement.json line '{name}'", f"says {told[name]}, the entries give {says} 金额不符")
    check_sum(kit, "payable_minor", payable)


def check_between(kit: Kit, payable_from: dict[str, str]) -> None:
    """What is left between the parties: the fee that has become payable, less what the operator owes."""
    statement, since, until = kit.statement, kit.manifest["period_start"], kit.manifest["period_end"]
    between = {key: kit.sums[key][1] for key in kit.sums if key[0] not in PAYMENTS}
    fee = -sum(amount for key, amount in between.items() if key[1] == "ap.operator")
    programmes = Counter()  # type: Counter[str]
    for key, amount in between.items():
        if key[1] == "ar.operator":
            programmes[key[2] or ""] += amount
    before = after = 0
    for usage, seq, at, amount in kit.waiting:
        free_from = payable_from.get(usage, "")
        if at < since and seq <= statement["previous_cut_seq"] and free_from > since:
            before += amount
        if at < until and free_from > until:
            after += amount
    # The first layout asked for the whole fee at once, so nothing of it waited.
    before = before if statement["previous"].get("layout", 1) > 1 else 0
    check_sum(kit, "fee_minor", fee)
    check_sum(kit, "fee_waiting_before_minor", before)
    check_sum(kit, "fee_waiting_minor", after)
    check_sum(kit, "fee_payable_minor", fee + before - after)
    told = {each["programme_id"]: each["amount_minor"] for each in statement["programmes"]}
    if told != dict(programmes):
        kit.fault("statement.json, programmes", f"says {told}, the entries give {dict(programmes)} 金额不符")
    carried = sum(each["amount_minor"] for each in statement["carried"])
    check_sum(kit, "due_to_operator_minor", fee + before - after - sum(programmes.values()) + carried)


def check_sum(kit: Kit, name: str, amount: int) -> None:
    if kit.statement[name] != amount:
        kit.fault(f"statement.json, {name}", f"says {kit.statement[name]}, computed again it is {amount} 合计不符")
