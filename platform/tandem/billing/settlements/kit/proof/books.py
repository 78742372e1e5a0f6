"""The books: what was booked, sealed in a chain, and the lines it adds up to."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from tandem.billing.settlements.kit.proof.files import Kit, Unsound

# --- books: what was booked, sealed in a chain, and the lines it adds up to

# A line of the statement: its name, the account it adds up, and in which kinds of journal (none named: in all).
LINES = (
    ("visits", "rev.medical", ("medical_revenue",), "诊疗收入"),
    ("programme_visits", "rev.medical", ("programme_revenue",), "项目诊疗收入"),
    ("refunds", "rev.medical", ("medical_revenue_reversed", "medical_revenue_restored"), "退款"),
    ("programme_refunds", "rev.medical", ("programme_revenue_reversed", "programme_revenue_restored"), "项目退款"),
    ("provider_fees", "exp.psp_fee", (), "支付手续费"),
    ("disputes_lost", "dispute.loss", (), "拒付损失"),
    ("operator_fees", "exp.operator_fee", ("operator_fee",), "运营服务费"),
    ("operator_fees_reversed", "exp.operator_fee", ("operator_fee_reversed", "operator_fee_restored"), "服务费冲回"),
    ("monthly_fees", "exp.operator_fee", ("monthly_fee",), "月费"),
)


def read_statement(kit: Kit) -> None:
    """The document that was signed, whose hash both parties hold, and the one that it follows."""
    raw = kit.read("statement.json")
    kit.statement = json.loads(raw)
    if sha256(raw).hexdigest() != kit.manifest["document_sha256"]:
        kit.fault("statement.json", "it is not the document that was put before the hospital 非所提交之结算单")
    for name in ("hospital_id", "number", "currency"):
        if kit.statement[name] != kit.manifest[name]:
            kit.fault("manifest.json", f"it says another {name} than the statement 与结算单不符")
    previous = json.loads(kit.read("previous.json")) if "previous.json" in kit.manifest["files"] else {"cut_seq": 0}
    kit.statement["previous"] = previous
    if previous["cut_seq"] != kit.statement["previous_cut_seq"]:
        kit.fault("previous.json", "the statement does not begin where the one before it ended 与上一结算单不衔接")


def check_books(kit: Kit) -> None:
    """Every journal says what it said when it was booked, in unbroken sequence up to the statement's cut."""
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
        add_up(kit, where, journal, [line for _, line in lines])
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
    kind = journal["kind"]
    amounts: dict[str, int] = {}
    for line in lines:
        amounts[line["account"]] = amounts.get(line["account"], 0) + line["amount_minor"]
    if amounts.keys() & {"rev.medical", "exp.operator_fee"}:
        says = {"revenue_minor": -amounts.get("rev.medical", 0), "fee_minor": amounts.get("exp.operator_fee", 0)}
        formula = journal["rule_version"].rpartition("/")[2]
        kit.booked[kind, journal["key"]] = {"where": where, "rule": formula, **says}
    is_new = journal["seq"] > kit.statement["previous_cut_seq"]
    at, since, until = journal["effective_at"], kit.manifest["period_start"], kit.manifest["period_end"]
    if at < until and (is_new or at >= since):
        for account, amount in amounts.items():
            kit.sums[kind, account] = kit.sums.get((kind, account), 0) + amount
            kit.journal_counts[kind, account] = kit.journal_counts.get((kind, account), 0) + 1


def check_lines(kit: Kit) -> None:
    """The statement's lines are what its entries add up to; what is payable is their sum."""
    told = {line["kind"]: line for line in kit.statement["lines"]}
    if list(told) != [line[0] for line in LINES]:
        raise Unsound("statement.json: its lines are not the agreed ones 结算行与约定不符")
    payable = 0
    for name, account, kinds, _ in LINES:
        mine = [key for key in kit.sums if key[1] == account and (not kinds or key[0] in kinds)]
        amount, journals = -sum(kit.sums[key] for key in mine), sum(kit.journal_counts[key] for key in mine)
        payable += amount
        if (told[name]["amount_minor"], told[name]["journals"]) != (amount, journals):
            says = f"says {told[name]['amount_minor']} in {told[name]['journals']} journals"
            kit.fault(f"statement.json line '{name}'", f"{says}, the entries give {amount} in {journals} 金额不符")
    if kit.statement["payable_minor"] != payable:
        says = f"says {kit.statement['payable_minor']}, its lines give {payable}"
        kit.fault("statement.json, payable", f"{says} 合计不符")
