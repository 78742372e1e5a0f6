"""A statement as a workbook: every entry, and sums that the reader's own program works out and holds against ours."""

from collections.abc import Sequence
from itertools import islice
from typing import IO, Any, Final

from tandem.billing.settlements.documents.content import WITHHELD, Column, Content, Details, Grid, Value
from tandem.billing.stationery.cells import (
    Rows,
    amount_cell,
    column,
    formula_cell,
    new_sheet,
    text_cell,
    writing,
)

ENTRIES_MAX: Final = 1_000_000
"""Entries on one sheet; a sheet ends at 1,048,576 rows, and what comes after goes to the next."""
_WIDTHS: Final = (44, 20, 24, 22, 40, 22, 22, 22, 22)
_ENTRIES: Final = "明细"


def write_xlsx(content: Content, into: IO[bytes]) -> None:
    """Write the workbook; amounts are in major units. Entries go through, a window at a time."""
    with writing(into, made_at=content.made_at) as book:
        sheet = new_sheet(book, "结算单（草稿）" if content.mark else "结算单", _WIDTHS)
        _Summary(content, sheet).write()
        if content.details is not None:
            _write_entries(content, content.details, book)


def _write_entries(content: Content, details: Details, book: Any) -> None:
    heads, widths = [each.head for each in details.columns], [each.width_mm for each in details.columns]
    exponents = [
        None if each.holds == "text" else content.exponent if each.holds == "amount" else 0 for each in details.columns
    ]
    entries = details.rows()
    for place in range(_sheets_of(details)):
        sheet = new_sheet(book, _title(place), widths, frozen_at="A2")
        sheet.append([text_cell(sheet, head, bold=True) for head in heads])
        rows = Rows(sheet, exponents)
        for entry in islice(entries, ENTRIES_MAX):
            rows.add(entry)


class _Summary:
    """The first sheet, row by row: it knows which row it is at, so that its formulas can say so."""

    def __init__(self, content: Content, sheet: Any) -> None:
        self.content, self.sheet, self.row = content, sheet, 0

    def write(self) -> None:
        """Everything but the entries, in the paper's order."""
        content = self.content
        self._add([f"{content.mark} {content.title}".strip()], bold=True)
        for label, value in content.facts:
            self._add([label, value])
        self._add([])
        for label, party in zip(content.labels, content.parties, strict=True):
            self._add([label, party.get("name") or "—", "税号 Tax No.", "", party.get("tax_number") or ""])
        for grid in content.grids:
            self._grid(grid)
        self._add([])
        for label, amount in content.due.sums:
            self._add([label, amount_cell(self.sheet, amount, content.exponent)])
        for words in (content.due_in_words, *content.due.notes):
            self._add([words])
        for grid in (*content.disputes, *content.more):
            self._grid(grid)
        self._add([])
        for words in content.proof:
            self._add([words])

    def _grid(self, grid: Grid) -> None:
        self._add([])
        self._add([grid.heading], bold=True)
        by_entries = grid.by_kind and self.content.details is not None
        heads = [each.head for each in grid.columns]
        self._add([*heads, "明细合计 Sum of its entries"] if by_entries else heads, bold=True)
        first = self.row + 1
        for row in grid.rows:
            cells = [self._cell(each, value) for each, value in zip(grid.columns, row, strict=True)]
            self._add([*cells, self._sum_of_entries()] if by_entries else cells)
        if any(each.is_summed for each in grid.columns):
            self._sums(grid, first)
        if grid.note:
            self._add([grid.note])

    def _sums(self, grid: Grid, first: int) -> None:
        last, exponents = self.row, [self._exponent(each) for each in grid.columns]
        summed = [place for place, each in enumerate(grid.columns) if each.is_summed]
        sums: list[Any] = [text_cell(self.sheet, grid.sum_label, bold=True), *[None] * (len(grid.columns) - 1)]
        for place in summed:
            letter = column(place)
            sums[place] = formula_cell(self.sheet, f"=SUM({letter}{first}:{letter}{last})", exponents[place])
        self._add(sums)
        if grid.stated_minor:
            stated: list[Any] = ["结算单所载 As the statement says", *[None] * (len(grid.columns) - 1)]
            apart: list[Any] = ["差额 Difference", *[None] * (len(grid.columns) - 1)]
            for place, amount in zip(summed, grid.stated_minor, strict=True):
                letter = column(place)
                stated[place] = amount_cell(self.sheet, amount, exponents[place])
                # Row by row from here: the formula's sum is one above, the stated one the row that is written first.
                apart[place] = formula_cell(self.sheet, f"={letter}{self.row}-{letter}{self.row + 1}", exponents[place])
            self._add(stated)
            self._add(apart)

    def _sum_of_entries(self) -> Any:
        details = self.content.details
        if details is None:
            return None
        letter, name = column(details.amount_at), f"$A{self.row + 1}"
        sheets = (_title(place) for place in range(_sheets_of(details)))
        parts = "+".join(f"SUMIF('{each}'!$A:$A,{name},'{each}'!${letter}:${letter})" for each in sheets)
        return formula_cell(self.sheet, f"={parts}", self.content.exponent)

    def _cell(self, at: Column, value: Value) -> Any:
        if value is None:
            return text_cell(self.sheet, WITHHELD)
        return (
            text_cell(self.sheet, value)
            if isinstance(value, str)
            else amount_cell(self.sheet, value, self._exponent(at))
        )

    def _exponent(self, at: Column) -> int:
        return self.content.exponent if "amount" in at.holds else 0

    def _add(self, cells: Sequence[Any], *, bold: bool = False) -> None:
        alone = len(cells) == 1
        made = [
            text_cell(self.sheet, each, bold=bold, alone=alone) if isinstance(each, str) else each for each in cells
        ]
        self.sheet.append(made)
        self.row += 1


def _sheets_of(details: Details) -> int:
    return max(1, -(-details.count // ENTRIES_MAX))


def _title(place: int) -> str:
    return _ENTRIES if place == 0 else f"{_ENTRIES}{place + 1}"
