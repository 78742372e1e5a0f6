"""An employer's statement, from its own book; what visits drew, in sums only."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from tandem.billing.settlements.kit.proof.books import check_books, check_sum
from tandem.billing.settlements.kit.proof.files import Kit, Unsound

# --- prepaid: an employer's statement, from its own book; what visits drew, in sums only

FLOOR = 11
PREPAID_SUMS = (
    ("invoiced_minor", "开票"),
    ("paid_minor", "付款"),
    ("drawn_minor", "已使用（已披露部分）"),
    ("adjusted_minor", "使用更正"),
    ("open_minor", "期末未付"),
    ("unspent_minor", "期末未使用余额"),
)
KINDS = {
    "adjustment": "使用更正",
    "credit_note": "贷项通知",
    "invoice": "迟到账单",
    "other": "其他更正",
    "payment": "迟到付款",
    "void": "作废账单",
}


class Prepaid:
    """One employer's book as it is read: what its documents are, and what they add up to by programme."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.earlier: list[dict[str, Any]] = []
        self.numbers: dict[str, int] = {}
        # Place in the book -> the document that was booked there.
        self.documents: dict[int, tuple[str, dict[str, Any]]] = {}
        self.by_id: dict[str, dict[str, Any]] = {}
        self.adjustments: dict[str, tuple[str, dict[str, Any]]] = {}
        # Invoice -> when and where it was booked first.
        self.issued: dict[str, tuple[datetime, int]] = {}
        # programme -> figure -> sum; (statement, programme, kind) -> what is corrected of it.
        self.sums: dict[str, Counter[str]] = {}
        self.corrected: Counter[tuple[int, str, str]] = Counter()

    def add_up(self, kit: Kit, where: str, journal: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        """Take one journal to the programme that it concerns."""
        programme = self.programme_of(where, journal, lines)
        at, seq = datetime.fromisoformat(journal["effective_at"]), journal["seq"]
        since, until = day_begins(kit.statement["first_day"]), day_begins(kit.statement["last_day"], 1)
        if journal["source_type"] == "invoice" and journal["kind"].endswith("_issued"):
            self.issued.setdefault(journal["source_id"], (at, seq))
        if at >= until:
            return
        is_new = at >= since or seq > kit.statement["previous_cut_seq"]
        for line in lines:
            is_adjusted = line["account"] == "prepaid.benefits" and journal["kind"] == "draws_adjusted"
            if line["account"] in ("ap.operator", "tax.vat") or is_adjusted:
                amount = line["amount_minor"]
                self.move(programme, journal, line["account"], amount, is_new)
                if is_new and line["account"] != "tax.vat":
                    self.point_back(programme, journal, at, amount)

    def move(self, programme: str, journal: dict[str, Any], account: str, amount: int, is_new: bool) -> None:
        sums = self.sums.setdefault(programme, Counter())
        if account == "tax.vat":
            sums["tax_so_far"] += amount
            return
        if account == "prepaid.benefits":
            figure, amount = "adjusted", -amount
        elif journal["source_type"] == "invoice_payment":
            figure = "paid"
        else:
            figure, amount = "invoiced" if journal["source_type"] == "invoice" else "other", -amount
        if account == "ap.operator":
            sums["open"] += -amount if figure == "paid" else amount
        sums[f"{figure}_so_far"] += amount
        sums[figure] += amount if is_new else 0

    def programme_of(self, where: str, journal: dict[str, Any], lines: list[dict[str, Any]]) -> str:
        """The programme that a document names, which must be the one whose expense its journal is."""
        parties = {line["party"] for line in lines if line["party"] is not None}
        if journal["kind"] == "draws_adjusted":
            self.check_adjustment(where, journal, lines)
            return str(min(parties))
        if journal["source_type"] not in ("invoice", "invoice_payment"):
            return str(self.kit.statement["employer_id"])
        told, document = self.documents.pop(journal["seq"], ("documents.jsonl", {}))
        if document.get("id") != journal["source_id"]:
            raise Unsound(f"{told}: no document explains {where} 凭证无对应单据")
        owed = -sum(line["amount_minor"] for line in lines if line["account"] == "ap.operator")
        sign = -1 if document["kind"] in ("credit_note", "payment") else 1
        sign = -sign if journal["kind"].endswith("_voided") else sign
        if owed != sign * document["amount_minor"] or (parties and parties != {document["programme_id"]}):
            self.kit.fault(f"{told}, {where}", "the document says something else than its journal 单据与凭证不符")
        self.kit.counts["documents"] += 1
        return str(document["programme_id"])

    def check_adjustment(self, where: str, journal: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        told, adjustment = self.adjustments.pop(journal["key"], ("adjustments.jsonl", {}))
        if not adjustment:
            raise Unsound(f"{told}: nothing explains {where} 凭证无依据")
        if {adjustment["proposed_party"], adjustment["decided_party"]} != {"employer", "operator"}:
            self.kit.fault(told, "one party proposed it and said yes to it 须由双方分别提出与接受")
        if journal["source_id"] != adjustment["statement_id"]:
            self.kit.fault(f"{told}, {where}", "it adjusts another statement 所调整的结算单不符")
        says = [("exp.benefits", adjustment["amount_minor"]), ("prepaid.benefits", -adjustment["amount_minor"])]
        if [(line["account"], line["amount_minor"]) for line in lines] != says:
            self.kit.fault(f"{told}, {where}", "the record gives another sum than was booked 金额不符")
        self.kit.counts["adjustments"] += 1

    def point_back(self, programme: str, journal: dict[str, Any], at: datetime, amount: int) -> None:
        """What adds to an earlier statement: it names that one, or means the one that told its invoice or its day."""
        number, place, kind = None, 0, "other"
        if journal["kind"] == "draws_adjusted":
            kind, number = "adjustment", self.numbers.get(journal["source_id"])
        elif journal["source_type"] == "invoice_payment":
            kind, amount = "payment", -amount
        elif journal["source_type"] == "invoice":
            document = self.by_id[journal["source_id"]]
            kind = "void" if journal["kind"].endswith("_voided") else str(document["kind"])
            original = {"void": document["id"], "credit_note": document["invoice_id"]}.get(kind, "")
            at, place = self.issued.get(original, (at, 0))
        if kind != "adjustment":
            told = (each for each in self.earlier if each["until"] > at and each["cut_seq"] >= place)
            number = next((int(each["number"]) for each in told), None)
        if number is not None:
            self.corrected[number, programme, kind] -= amount


def day_begins(day: str, later: int = 0) -> datetime:
    """The first moment of a business day (UTC+8), or of one so many days later."""
    return datetime.fromisoformat(f"{day}T00:00:00+08:00") + timedelta(days=later)


def check_prepaid(kit: Kit) -> None:
    """Every line from the employer's whole book, and the chain of its statements from the first one on."""
    kit.counts = {"journals": 0, "entries": 0, "documents": 0, "adjustments": 0, "earlier statements": 0}
    prepaid = Prepaid(kit)
    read_earlier(prepaid)
    prepaid.documents = {record["seq"]: (where, record) for where, record in kit.records("documents.jsonl")}
    prepaid.by_id = {record["id"]: record for _, record in prepaid.documents.values()}
    prepaid.adjustments = {record["id"]: (where, record) for where, record in kit.records("adjustments.jsonl")}
    begins, ends = day_begins(kit.statement["first_day"]), day_begins(kit.statement["last_day"], 1)
    for name, moment in (("period_start", begins), ("period_end", ends)):
        if datetime.fromisoformat(kit.manifest[name]) != moment:
            kit.fault("manifest.json", f"{name} is not what the statement's days say 期间不符")
    if kit.manifest["first_seq"] != 1 or kit.manifest["previous_seal"] != "00" * 32:
        kit.fault("manifest.json", "an employer's book is told from its first journal on 账簿须自首笔凭证起")
    check_books(kit, prepaid.add_up)
    for where, _ in [*prepaid.documents.values(), *prepaid.adjustments.values()]:
        kit.fault(where, "it stands in no journal of the book 未入账")
    check_programmes(prepaid)
    check_corrections(prepaid)


def read_earlier(prepaid: Prepaid) -> None:
    """The statements before this one, each as it was signed, each beginning where the one before it ended."""
    kit, cut = prepaid.kit, 0
    for where, record in kit.records("earlier.jsonl"):
        told = json.loads(record["document"])
        if sha256(record["document"].encode()).hexdigest() != record["document_sha256"]:
            kit.fault(where, "it is not the document that was put before the employer 非所提交之结算单")
        if (told["number"], told["previous_cut_seq"]) != (len(prepaid.earlier) + 1, cut):
            kit.fault(where, "it does not begin where the one before it ended 与上一结算单不衔接")
        cut = told["cut_seq"]
        prepaid.numbers[record["statement_id"]] = told["number"]
        prepaid.earlier.append({**told, "until": day_begins(told["last_day"], 1)})
        kit.counts["earlier statements"] += 1
    if (kit.statement["number"], kit.statement["previous_cut_seq"]) != (len(prepaid.earlier) + 1, cut):
        kit.fault("earlier.jsonl", "the statement does not begin where the one before it ended 与上一结算单不衔接")
    kit.statement["previous"] = prepaid.earlier[-1] if prepaid.earlier else {"cut_seq": 0}


def check_programmes(prepaid: Prepaid) -> None:
    """Each programme's line, and the sums; what was drawn is told in sums of eleven and more, or not at all."""
    kit, told = prepaid.kit, {line["programme_id"]: line for line in prepaid.kit.statement["lines"]}
    if list(told) != sorted(prepaid.sums):
        kit.fault("statement.json", "its programmes are not those of the book 结算行与账簿不符")
        return
    for programme, line in told.items():
        sums, where = prepaid.sums[programme], f"statement.json programme {programme}"
        units, drawn = line["units_drawn"], line["drawn_minor"]
        if (units is None) != (drawn is None) or (units is not None and units < FLOOR):
            kit.fault(where, "draws of fewer than eleven are told 披露了不足十一次的使用")
        told_before = sum(
            each["drawn_minor"] or 0
            for statement in prepaid.earlier
            for each in statement["lines"]
            if each["programme_id"] == programme
        )
        unspent = sums["paid_so_far"] - sums["tax_so_far"] - sums["adjusted_so_far"] - told_before - (drawn or 0)
        says = {"programme_id": programme, "units_drawn": units, "drawn_minor": drawn, "unspent_minor": unspent}
        for figure in ("invoiced", "paid", "adjusted", "open"):
            says[f"{figure}_minor"] = sums[figure]
        if kit.statement["layout"] < 2:
            del says["adjusted_minor"]
        if line != says:
            kit.fault(where, f"says {line}, the book gives {says} 金额不符")
    for name, _ in PREPAID_SUMS:
        if name in kit.statement:
            check_sum(kit, name, sum(line[name] or 0 for line in told.values()))


def check_corrections(prepaid: Prepaid) -> None:
    """What the statement says of earlier ones."""
    if prepaid.kit.statement["layout"] < 2:
        return
    says = [
        {"adjusts_number": number, "programme_id": programme, "kind": kind, "amount_minor": amount}
        for (number, programme, kind), amount in sorted(prepaid.corrected.items())
    ]
    if prepaid.kit.statement["corrections"] != says:
        told = prepaid.kit.statement["corrections"]
        prepaid.kit.fault("statement.json, corrections", f"says {told}, the book gives {says} 更正不符")


def prepaid_summary(kit: Kit) -> str:
    """An employer's statement for people, and what was proved of it."""
    told = kit.statement
    lines = [
        f"企业结算单 Employer's statement no. {told['number']}",
        f"{told['first_day']} – {told['last_day']}   {told['currency']} 分",
        f"企业 employer {told['employer_id']}",
        "",
    ]
    for line in told["lines"]:
        lines.append(f"健康计划 programme {line['programme_id']}")
        for name, chinese in PREPAID_SUMS:
            amount = line.get(name, 0)
            shown = "—" if amount is None else str(amount)
            note = "：涉及人数不足，暂不披露" if amount is None else ""
            lines.append(f"  {name:<20}{shown:>16}   {chinese}{note}")
    lines.append("合计 total")
    lines += [f"  {name:<20}{told.get(name, 0):>16}   {chinese}" for name, chinese in PREPAID_SUMS]
    for each in told.get("corrections", []):
        what = f"更正第 {each['adjusts_number']} 号结算单 corrects no. {each['adjusts_number']}"
        lines.append(f"{what}: {KINDS[each['kind']]} {each['kind']} {each['amount_minor']}   {each['programme_id']}")
    lines.append("")
    counts = ", ".join(f"{count} {name}" for name, count in kit.counts.items())
    lines.append(f"核对通过 Sound: {counts} computed again; the chain holds to seal {told['book_seal'][:16]}…")
    lines.append(f"文件散列 Compare with the document you signed: {kit.manifest['document_sha256']}")
    return "\n".join(lines)
