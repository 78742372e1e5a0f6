"""A bank's file as lines: CSV by a profile of its bank, or CAMT.053. Read whole and refused whole, never by halves."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from tandem.billing.days import FIRST
from tandem.billing.reconciliation.camt import Entry, Told, read_entries
from tandem.billing.reconciliation.errors import BankFileRefused, BankFileUnreadable
from tandem.kernel import clock
from tandem.kernel.errors import FieldProblem
from tandem.kernel.i18n import Text
from tandem.kernel.money import EXPONENTS
from tandem.kernel.sheets import Column, RowProblem, read_sheet

LINES_MOST: Final = 20_000
BYTES_MOST: Final = 8_000_000
TOLD_MOST: Final = 100
NAME_MOST: Final = 500
"""Characters of a bank's own name for something; ISO 20022 allows 35, and 140 for a party."""
_PROFILES: Final[Mapping[str, Any]] = tomllib.loads(
    files("tandem.billing.reconciliation").joinpath("bank_profiles.toml").read_text(encoding="utf-8")
)
PROFILES: Final = (*sorted(_PROFILES), "camt053")
# Commas part thousands and nothing else: "1,00" is not a hundred.
_SUM: Final = re.compile(r"[+-]?([0-9]{1,18}|[0-9]{1,3}(,[0-9]{3}){1,5})(\.[0-9]{1,5})?")
_YUAN: Final = frozenset({"人民币", "人民币元", "RMB"})
# A sum of CAMT.053 has no sign: CdtDbtInd tells the direction.
_CAMT_SUM: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")
_IS_IN: Final[Mapping[str, bool]] = {"CRDT": True, "DBIT": False}
_BOOLEANS: Final = frozenset({"", "false", "0", "true", "1"})
_BOOKED: Final = frozenset({"", "BOOK"})
_NOT_YET: Final = frozenset({"PDNG", "INFO", "FUTR"})
"""An entry that is only announced is no money; it comes again when it is booked."""
_OPTIONAL: Final = ("amount", "credit", "debit", "currency", "reference", "bank_reference", "counterparty")
_BAD_SUM: Final = Text("This is no sum of money in that currency", "金额格式或小数位不正确")
_BAD_DIRECTION: Final = Text("It does not say whether money came in or went out", "未说明收入或支出方向")
_BAD_STATUS: Final = Text("It does not say whether it has been booked", "未说明该笔是否已入账")
_BAD_PARTS: Final = Text("Its payments do not add up to it", "明细合计与该笔金额不一致")
_BOTH_WAYS: Final = Text("It says its sum in two columns", "同一行在两列中填写了金额")
_BAD_DAY: Final = Text("This is no day on which money can have moved", "日期格式不正确，或不是已发生的日期")
_TOO_LONG: Final = Text("This name is longer than any bank's", "名称或流水号过长")
_BAD_CURRENCY: Final = Text("This currency is not kept", "不支持该币种")
_AS_THE_BANK: Final = Text("Send the file as the bank made it.", "请上传银行导出的原始文件。")


@dataclass(frozen=True, slots=True)
class BankLine:
    """One movement of a bank account: what came in is positive. `row` is its place in the file.

    `statement` is the bank's own name for the statement it stands on, empty where the file tells none.
    """

    row: int
    booked_on: date
    amount_minor: int
    currency: str
    reference: str
    bank_reference: str
    counterparty: str
    statement: str = ""

    @property
    def body(self) -> bytes:
        """What it says, for telling a line that was altered from one that was sent again."""
        told = (self.booked_on, self.amount_minor, self.currency, self.reference, self.counterparty)
        return sha256("\x1f".join(str(each) for each in told).encode()).digest()


def read_bank_file(content: bytes, profile: str) -> list[BankLine]:
    """The lines of a file. Raises BankFileUnreadable, BankFileRefused with what is wrong by row, SHEET_PROBLEMS."""
    if len(content) > BYTES_MOST:
        raise BankFileUnreadable(bytes_most=BYTES_MOST)
    lines, wrong = _camt(content) if profile == "camt053" else _csv(content, _PROFILES[profile])
    if wrong:
        raise BankFileRefused(*wrong[:TOLD_MOST], wrong_count=len(wrong))
    if not lines:
        raise BankFileUnreadable(lines=0)
    return lines


def refusal(row: int, field: str, reason: Text, mend: Text = _AS_THE_BANK, code: str = "invalid") -> FieldProblem:
    """What is wrong with one row."""
    return FieldProblem(f"rows.{row}.{field}", reason, mend, code)


def _csv(content: bytes, profile: Mapping[str, Any]) -> tuple[list[BankLine], list[FieldProblem]]:
    headers = profile["headers"]
    columns = {"booked_on": Column(headers.get("booked_on", ()), longest=40)}
    for name in _OPTIONAL:
        signed = _SUM if name in {"amount", "credit", "debit"} else None
        columns[name] = Column(
            headers.get(name, ()), may_lack=True, may_be_empty=True, longest=NAME_MOST, signed=signed
        )
    # Whoever pays chooses the words: a bank's whole file is not held up by what one payer wrote.
    sheet = read_sheet(content, columns, rows_max=LINES_MOST, formulas="defuse")
    wrong = [_told(each) for each in sheet.problems if each.kind == "error"]
    lines = []
    for row, cells in sheet.rows:
        told = [cells.get(name, "") for name in ("amount", "credit", "debit")]
        line = _line(
            row, cells["booked_on"], profile["date_formats"], told, cells | {"by_default": profile["currency"]}
        )
        wrong += [line] if isinstance(line, FieldProblem) else []
        lines += [line] if isinstance(line, BankLine) else []
    return lines, wrong


def _camt(content: bytes) -> tuple[list[BankLine], list[FieldProblem]]:
    found = [line for entry in read_entries(content, at_most=LINES_MOST) for line in _camt_lines(entry)]
    if len(found) > LINES_MOST:
        raise BankFileUnreadable(lines_most=LINES_MOST)
    lines = [each for each in found if isinstance(each, BankLine)]
    return lines, [each for each in found if isinstance(each, FieldProblem)]


def _camt_lines(entry: Entry) -> Iterator[BankLine | FieldProblem]:
    """An entry as one line, or as the payments it lumps together where their sums add up to it."""
    if entry.status in _NOT_YET:
        return
    if entry.status not in _BOOKED:
        yield refusal(entry.row, "status", _BAD_STATUS, code="status")
        return
    whole = _camt_line(entry, entry.whole)
    # Parts without sums, or with sums in another currency, say what the entry is for and nothing of its money.
    if isinstance(whole, FieldProblem) or not all(
        each.amount and each.currency == entry.whole.currency for each in entry.parts
    ):
        yield whole
        return
    parts = [_camt_line(entry, each) for each in entry.parts]
    wrong = [each for each in parts if isinstance(each, FieldProblem)]
    if (
        not wrong
        and parts
        and sum(each.amount_minor for each in parts if isinstance(each, BankLine)) != (whole.amount_minor)
    ):
        wrong = [refusal(entry.row, "amount", _BAD_PARTS, code="parts")]
    yield from wrong[:1] or parts or [whole]


def _camt_line(entry: Entry, told: Told) -> BankLine | FieldProblem:
    if told.direction not in _IS_IN or told.is_reversal not in _BOOLEANS:
        return refusal(entry.row, "direction", _BAD_DIRECTION, code="direction")
    if not _CAMT_SUM.fullmatch(told.amount):
        return refusal(entry.row, "amount", _BAD_SUM, code="amount")
    # A reversal goes the way it says itself: what it reverses went the other way.
    sums = ["", told.amount, ""] if _IS_IN[told.direction] else ["", "", told.amount]
    cells = {
        "currency": told.currency, "reference": told.reference, "bank_reference": told.bank_reference,
        "counterparty": told.counterparty, "by_default": "",
    }  # fmt: skip
    if len(entry.statement) > NAME_MOST:
        return refusal(entry.row, "statement", _TOO_LONG, code="length")
    line = _line(entry.row, entry.day, ["%Y-%m-%d"], sums, cells)
    return replace(line, statement=entry.statement) if isinstance(line, BankLine) else line


def _line(
    row: int, day: str, formats: Sequence[str], told: Sequence[str], cells: Mapping[str, str]
) -> BankLine | FieldProblem:
    booked_on = _day(day, formats)
    if booked_on is None:
        return refusal(row, "booked_on", _BAD_DAY, code="day")
    named = (cells.get("currency") or cells["by_default"]).strip().upper()
    currency = "CNY" if named in _YUAN else named
    if currency not in EXPONENTS:
        return refusal(row, "currency", _BAD_CURRENCY, code="currency")
    amount, credit, debit = (_minor(each, currency) for each in told)
    if sum(bool(each) for each in (amount, credit, debit)) > 1:
        return refusal(row, "amount", _BOTH_WAYS, code="amount")
    if amount is None or credit is None or debit is None or not (total := amount + credit - debit):
        return refusal(row, "amount", _BAD_SUM, code="amount")
    words = [cells.get(name, "").strip() for name in ("reference", "bank_reference", "counterparty")]
    if max(len(each) for each in words[1:]) > NAME_MOST:
        return refusal(row, "bank_reference", _TOO_LONG, code="length")
    return BankLine(row, booked_on, total, currency, *words)


def _day(cell: str, formats: Sequence[str]) -> date | None:
    for each in formats:
        try:
            day = datetime.strptime(cell.strip(), each).date()  # noqa: DTZ007  # a bank's day has no zone
        except ValueError:
            continue
        # Booked is what has happened; a day later, because it may be tomorrow already where the bank is.
        return day if FIRST <= day <= clock.today() + timedelta(days=1) else None
    return None


def _minor(cell: str, currency: str) -> int | None:
    if not cell.strip():
        return 0
    if not _SUM.fullmatch(cell.strip()):
        return None
    minor = Decimal(cell.replace(",", "").strip()).scaleb(EXPONENTS[currency])
    is_whole = minor == minor.to_integral_value() and abs(minor) < 10**15
    return int(minor) if is_whole else None


def _told(problem: RowProblem) -> FieldProblem:
    return refusal(problem.row, problem.field, problem.reason, problem.mend, problem.code)
