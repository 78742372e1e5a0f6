"""A bank's file as lines: CSV by a profile of its bank, or CAMT.053. Read whole and refused whole, never by halves."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped]  # lxml tells no types
from pycamt.parser import Camt053ParseError, Camt053Parser  # type: ignore[import-untyped]  # nor does pycamt

from tandem.billing.reconciliation.errors import BankFileRefused, BankFileUnreadable
from tandem.kernel.errors import FieldProblem
from tandem.kernel.i18n import Text
from tandem.kernel.money import EXPONENTS
from tandem.kernel.sheets import Column, RowProblem, read_sheet

LINES_MOST: Final = 20_000
BYTES_MOST: Final = 8_000_000
TOLD_MOST: Final = 100
_PROFILES: Final[Mapping[str, Any]] = tomllib.loads(
    files("tandem.billing.reconciliation").joinpath("bank_profiles.toml").read_text(encoding="utf-8")
)
PROFILES: Final = (*sorted(_PROFILES), "camt053")
_SUM: Final = re.compile(r"[+-]?[0-9][0-9,]*(\.[0-9]+)?")
# A sum of CAMT.053 has no sign: CdtDbtInd tells the direction, which RvslInd (an XML boolean) turns round.
_CAMT_SUM: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")
_IS_IN: Final[Mapping[tuple[str, str], bool]] = {
    (direction, turned): (direction == "CRDT") == (turned in {"false", "0"})
    for direction in ("CRDT", "DBIT")
    for turned in ("false", "0", "true", "1")
}
_OPTIONAL: Final = ("amount", "credit", "debit", "currency", "reference", "bank_reference", "counterparty")
_BAD_SUM: Final = Text("This is no sum of money in that currency", "金额格式或小数位不正确")
_BAD_DIRECTION: Final = Text("It does not say whether money came in or went out", "未说明收入或支出方向")
_BAD_DAY: Final = Text("This is no day", "日期格式不正确")
_BAD_CURRENCY: Final = Text("This currency is not kept", "不支持该币种")
_AS_THE_BANK: Final = Text("Send the file as the bank made it.", "请上传银行导出的原始文件。")


@dataclass(frozen=True, slots=True)
class BankLine:
    """One movement of a bank account: what came in is positive. `row` is its place in the file."""

    row: int
    booked_on: date
    amount_minor: int
    currency: str
    reference: str
    bank_reference: str
    counterparty: str

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
        columns[name] = Column(headers.get(name, ()), may_lack=True, may_be_empty=True, longest=500, signed=signed)
    sheet = read_sheet(content, columns, rows_max=LINES_MOST, formulas="refuse")
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
    # A statement needs no document type; whoever sends one means to have entities expanded or files read.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise BankFileUnreadable(because="document type")
    try:
        entries: Sequence[Mapping[str, str | None]] = Camt053Parser(content).get_transactions()
    except (XMLSyntaxError, Camt053ParseError, AttributeError, ValueError):
        raise BankFileUnreadable(because="no CAMT.053") from None
    if len(entries) > LINES_MOST:
        raise BankFileUnreadable(lines_most=LINES_MOST)
    lines: list[BankLine] = []
    wrong: list[FieldProblem] = []
    for row, entry in enumerate(entries, 1):
        line = _camt_line(row, entry)
        wrong += [line] if isinstance(line, FieldProblem) else []
        lines += [line] if isinstance(line, BankLine) else []
    return lines, wrong


def _camt_line(row: int, entry: Mapping[str, str | None]) -> BankLine | FieldProblem:
    said = ((entry.get("CreditDebitIndicator") or "").strip(), (entry.get("ReversalIndicator") or "false").strip())
    if said not in _IS_IN:
        return refusal(row, "direction", _BAD_DIRECTION, code="direction")
    amount = (entry.get("Amount") or "").strip()
    if not _CAMT_SUM.fullmatch(amount):
        return refusal(row, "amount", _BAD_SUM, code="amount")
    told = ["", amount, ""] if _IS_IN[said] else ["", "", amount]
    cells = {
        "currency": entry.get("Currency") or "",
        "reference": entry.get("RemittanceInformationFull") or entry.get("RemittanceInformation") or "",
        "bank_reference": entry.get("TransactionID") or entry.get("EndToEndId") or "",
        "counterparty": entry.get("DebtorName") or entry.get("CreditorName") or "",
        "by_default": "",
    }
    return _line(row, (entry.get("BookingDate") or entry.get("ValueDate") or "")[:10], ["%Y-%m-%d"], told, cells)


def _line(
    row: int, day: str, formats: Sequence[str], told: Sequence[str], cells: Mapping[str, str]
) -> BankLine | FieldProblem:
    booked_on = _day(day, formats)
    if booked_on is None:
        return refusal(row, "booked_on", _BAD_DAY, code="day")
    currency = (cells.get("currency") or cells["by_default"]).upper().replace("人民币", "CNY").replace("RMB", "CNY")
    if currency not in EXPONENTS:
        return refusal(row, "currency", _BAD_CURRENCY, code="currency")
    amount, credit, debit = (_minor(each, currency) for each in told)
    if amount is None or credit is None or debit is None or not (total := amount + credit - debit):
        return refusal(row, "amount", _BAD_SUM, code="amount")
    words = (cells.get(name, "").strip() for name in ("reference", "bank_reference", "counterparty"))
    return BankLine(row, booked_on, total, currency, *words)


def _day(cell: str, formats: Sequence[str]) -> date | None:
    for each in formats:
        try:
            return datetime.strptime(cell.strip(), each).date()  # noqa: DTZ007  # a bank's day has no zone
        except ValueError:
            continue
    return None


def _minor(cell: str, currency: str) -> int | None:
    if not cell.strip():
        return 0
    try:
        minor = Decimal(cell.replace(",", "").strip()).scaleb(EXPONENTS[currency])
    except InvalidOperation:
        return None
    is_whole = minor.is_finite() and minor == minor.to_integral_value() and abs(minor) < 10**15
    return int(minor) if is_whole else None


def _told(problem: RowProblem) -> FieldProblem:
    return refusal(problem.row, problem.field, problem.reason, problem.mend, problem.code)
