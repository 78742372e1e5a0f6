"""CAMT.053 as entries: each with its sum, its direction and the payments it lumps together. Source: ISO 20022.

The file is read by pycamt, which knows the versions; entries are taken by their own children only, so that neither a
sum that was instructed in another currency nor a reference of one payment is taken for the entry's.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lxml.etree import QName, XMLSyntaxError  # type: ignore[import-untyped]  # lxml tells no types
from pycamt.parser import Camt053ParseError, Camt053Parser  # type: ignore[import-untyped]  # nor does pycamt

from tandem.billing.reconciliation.errors import BankFileUnreadable

_ENCODING: Final = re.compile(rb"""\A<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ENCODINGS: Final = frozenset({b"utf-8", b"us-ascii", b"iso-8859-1", b"gb2312", b"gbk", b"gb18030"})
_REFERENCE_MAX: Final = 4_000
"""Characters that are kept of what an entry says it is for: a lump may name thousands."""


@dataclass(frozen=True, slots=True)
class Told:
    """One sum as the bank tells it; every member is its text, or empty."""

    amount: str
    currency: str
    direction: str
    is_reversal: str
    bank_reference: str
    reference: str
    counterparty: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a statement, by the bank's name for that; `row` in the file's order. Without `parts`: undivided."""

    row: int
    statement: str
    status: str
    day: str
    whole: Told
    parts: Sequence[Told]


def read_entries(content: bytes, *, at_most: int) -> Sequence[Entry]:
    """A file's entries. Raises BankFileUnreadable for what is no CAMT.053, reaches out of itself, or is too long."""
    plain = _plain(content)
    try:
        statements = _Statements(plain)
        # Counted before anything is taken apart: a few bytes for an entry make a million of them.
        counted = sum(1 for _ in statements.tree.iter("{*}Ntry", "{*}TxDtls"))
        if counted > 2 * at_most:
            raise BankFileUnreadable(lines_most=at_most)
        return list(statements.entries())
    except (XMLSyntaxError, Camt053ParseError, AttributeError, ValueError, LookupError):
        raise BankFileUnreadable(because="no CAMT.053") from None


def _plain(content: bytes) -> bytes:
    """The bytes in an encoding in which a document type cannot hide."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            # lxml takes bytes that declare UTF-16 at their word, so the declaration goes.
            content = re.sub(r"\A<\?xml[^>]*\?>", "", content.decode("utf-16")).encode()
        except UnicodeError:
            raise BankFileUnreadable(because="encoding") from None
    content = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    declared = _ENCODING.match(content)
    if not content.startswith(b"<") or b"\x00" in content or (declared and declared[1].lower() not in _ENCODINGS):
        raise BankFileUnreadable(because="encoding")
    # A statement needs no document type; whoever sends one means to have entities expanded or files read.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise BankFileUnreadable(because="document type")
    return content


class _Statements(Camt053Parser):  # type: ignore[misc]  # pycamt tells no types
    """pycamt's reader, which looks for entries in whatever namespace prefix the bank has chosen."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        space = QName(self.tree).namespace
        self.namespaces = {None: space} if space else {}

    def entries(self) -> Iterator[Entry]:
        row = 0
        for statement in self._find_statements_or_reports():
            name = self._text(statement, "Id")
            for entry in statement.findall("Ntry", self.namespaces):
                row += 1
                yield self._entry(row, name, entry)

    def _entry(self, row: int, statement: str, entry: Any) -> Entry:
        details = entry.findall("NtryDtls/TxDtls", self.namespaces)
        head = self._told(entry, "Amt", self._text(entry, "AcctSvcrRef") or self._text(entry, "NtryRef"))
        owns = [self._text(each, "Refs/AcctSvcrRef") or self._text(each, "Refs/TxId") for each in details]
        # A reference that stands for one payment names it in whatever order the bank writes; others need their place.
        named = [
            own if own and owns.count(own) == 1 else f"{own or head.bank_reference}/{place}"
            for place, own in enumerate(owns, 1)
        ]
        parts = [self._part(detail, head, name) for detail, name in zip(details, named, strict=True)]
        seen = [self._said(detail) for detail in details]
        whole = Told(
            head.amount,
            head.currency,
            head.direction,
            head.is_reversal,
            head.bank_reference or (parts[0].bank_reference if len(parts) == 1 else ""),
            " ".join(filter(None, [head.reference, *(each[0] for each in seen)]))[:_REFERENCE_MAX],
            next((each[1] for each in seen if each[1]), ""),
        )
        status = self._text(entry, "Sts/Cd") or self._text(entry, "Sts")
        day = next(filter(None, (self._text(entry, path) for path in _DAYS)), "")
        return Entry(row, statement, status, day[:10], whole, parts if len(parts) > 1 else [])

    def _part(self, detail: Any, head: Told, name: str) -> Told:
        path = "Amt" if detail.find("Amt", self.namespaces) is not None else "AmtDtls/TxAmt/Amt"
        told = self._told(detail, path, "" if name.startswith("/") else name)
        reference, counterparty = self._said(detail)
        direction = told.direction or head.direction
        return Told(
            told.amount, told.currency, direction, head.is_reversal, told.bank_reference, reference, counterparty
        )

    def _said(self, detail: Any) -> tuple[str, str]:
        """What a payment is for, in all the places where a bank may write it, and with whom."""
        told = self._extract_transaction_details(detail)
        names = ("RemittanceInformationFull", "RemittanceInformation", "AdditionalRemittanceInformation", "EndToEndId")
        words = dict.fromkeys(str(told[name]).strip() for name in names if told.get(name))
        words.pop("NOTPROVIDED", None)
        return " ".join(words)[:_REFERENCE_MAX], told.get("DebtorName") or told.get("CreditorName") or ""

    def _told(self, element: Any, path: str, reference: str) -> Told:
        amount = element.find(path, self.namespaces)
        return Told(
            "" if amount is None else (amount.text or "").strip(),
            "" if amount is None else amount.attrib.get("Ccy", ""),
            self._text(element, "CdtDbtInd"),
            self._text(element, "RvslInd"),
            reference,
            self._text(element, "AddtlNtryInf"),
            "",
        )

    def _text(self, element: Any, path: str) -> str:
        found = element.find(path, self.namespaces)
        return "" if found is None else (found.text or "").strip()


_DAYS: Final = ("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
