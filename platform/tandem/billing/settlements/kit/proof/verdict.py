"""Everything in order, and what is said of it."""

from __future__ import annotations

import sys

from tandem.billing.settlements.kit.proof.books import (
    LINES,
    add_up,
    check_books,
    check_lines,
    read_previous,
    read_statement,
)
from tandem.billing.settlements.kit.proof.fees import check_fees
from tandem.billing.settlements.kit.proof.files import Kit, Unsound, check_files, check_myself, read_manifest
from tandem.billing.settlements.kit.proof.prepaid import check_prepaid, prepaid_summary

# --- verdict: everything in order, and what is said of it

FAULTS_TOLD = 50
SUMS = (
    ("payable_minor", "医院应得"),
    ("fee_minor", "本期服务费"),
    ("fee_waiting_before_minor", "期初未到付款期"),
    ("fee_waiting_minor", "期末未到付款期"),
    ("fee_payable_minor", "本期应付服务费"),
    ("due_to_operator_minor", "应付运营方（负数为运营方应付）"),
)


def examine(folder: str) -> Kit:
    """Everything, in order; raises Unsound where nothing further can be read."""
    kit = Kit(folder)
    read_manifest(kit)
    check_myself(kit)
    check_files(kit)
    if not kit.faults:
        read_statement(kit)
        if kit.is_employers:
            check_prepaid(kit)
        else:
            read_previous(kit)
            check_books(kit, add_up)
            check_lines(kit)
            check_fees(kit)
    return kit


def summary(kit: Kit) -> str:
    """A hospital's statement for people, and what was proved of it."""
    told = kit.statement
    lines = [
        f"结算单 Statement no. {told['number']}   {told['first_day']} – {told['last_day']}   {told['currency']} 分",
        f"医院 hospital {told['hospital_id']}",
        "",
    ]
    amounts = {line["kind"]: line for line in told["lines"]}
    for name, _, _, _, chinese in LINES:
        line = amounts[name]
        if line["entries"]:
            lines.append(f"{name:<24}{line['entries']:>8}{line['amount_minor']:>16}   {chinese}")
    for name, chinese in SUMS:
        lines.append(f"{name:<32}{told[name]:>16}   {chinese}")
    lines.append("")
    counts = ", ".join(f"{count} {name}" for name, count in kit.counts.items())
    lines.append(f"核对通过 Sound: {counts} computed again; the chain holds to seal {told['book_seal'][:16]}…")
    lines.append(f"文件散列 Compare with the document you signed: {kit.manifest['document_sha256']}")
    return "\n".join(lines)


def main(folder: str) -> str:
    """What to say; exits 1 with the faults where there are any."""
    try:
        kit = examine(folder)
    except Unsound as unsound:
        sys.exit(f"不一致 UNSOUND\n{unsound}")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as broken:
        sys.exit(f"不一致 UNSOUND\n{_stumbled(broken)}")
    if kit.faults:
        more = len(kit.faults) - FAULTS_TOLD
        told = kit.faults[:FAULTS_TOLD] + ([f"… and {more} more"] if more > 0 else [])
        sys.exit("\n".join(["不一致 UNSOUND", *told]))
    return prepaid_summary(kit) if kit.is_employers else summary(kit)


def _stumbled(broken: BaseException) -> str:
    place = broken.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    line = place.tb_lineno if place is not None else 0
    return f"verify.py line {line} is altered, or a record has another shape than its manifest promises: {broken!r}"
