"""A statement as a PDF: short enough to be read, stamped and filed, however many entries stand behind it."""

from collections.abc import Sequence
from typing import Final

from tandem.billing.settlements.documents.content import WITHHELD, Content, Grid, Value
from tandem.billing.stationery import figure, pages
from tandem.billing.stationery.lettering import spelled_out
from tandem.billing.stationery.pages import Block, Heading, Parties, Signatures, Sums, Table, Title, Words

ROWS_MAX: Final = 100
"""How many rows of a table are set: what comes after them is told as one sum, and is in the workbook row by row."""
_FOOT: Final = (
    "本结算单不是发票；全部明细见同号工作簿。This is no fapiao; every entry is in the workbook of the same number."
)


def pdf_of(content: Content) -> bytes:
    """The PDF's bytes. Raises GlyphMissing for a name that the font cannot set; people's free words are spelled out."""
    due = content.due
    sums = [(label, f"{content.currency} {figure(amount, content.exponent)}") for label, amount in due.sums]
    blocks: list[Block] = [
        Title(content.title, content.facts),
        Parties(content.labels, content.parties),
        *_grids(content, content.grids),
        Sums(sums, due.total, content.due_in_words),
        *(Words(spelled_out(note)) for note in due.notes),
        *_grids(content, content.disputes),
        Signatures("签章 Signatures", content.labels, (_name(content, 0), _name(content, 1))),
        *_grids(content, content.more),
        Heading("核对 Proof"),
        *(Words(each) for each in content.proof),
    ]
    # On every page, so that none can be put under another statement's.
    number = f"{content.number} · SHA-256 {content.sha256}"
    return pages.pdf_of(
        blocks, title=content.title, number=number, foot=_FOOT, made_at=content.made_at, mark=content.mark
    )


def _name(content: Content, place: int) -> str:
    return content.parties[place].get("name") or "—"


def _grids(content: Content, grids: Sequence[Grid]) -> list[Block]:
    blocks: list[Block] = []
    for grid in grids:
        blocks += [Heading(grid.heading), _table(grid, content.exponent)]
        if grid.note:
            blocks.append(Words(grid.note))
    return blocks


def _table(grid: Grid, exponent: int) -> Table:
    shown = [place for place, column in enumerate(grid.columns) if column.width_mm]
    rows = [row for row in grid.rows if not grid.nil_unsaid or any(row[1:])]
    told, rest = (rows, []) if len(rows) <= ROWS_MAX else (rows[: ROWS_MAX - 1], rows[ROWS_MAX - 1 :])
    cells = [[grid.columns[place].head for place in shown]]
    cells += [[_said(grid, row, place, exponent) for place in shown] for row in told]
    if rest:
        label = f"其余 {len(rest)} 行见工作簿 {len(rest)} more rows are in the workbook"
        cells.append(_sums(grid, rest, shown, label, exponent))
    is_summed = any(column.is_summed for column in grid.columns)
    if is_summed:
        cells.append(_sums(grid, rows, shown, grid.sum_label, exponent))
    return Table(
        cells,
        [grid.columns[place].width_mm for place in shown],
        ["LEFT" if grid.columns[place].holds == "text" else "RIGHT" for place in shown],
        last_is_sum=is_summed,
    )


def _said(grid: Grid, row: Sequence[Value], place: int, exponent: int) -> str:
    value, column = row[place], grid.columns[place]
    if value is None:
        return WITHHELD
    if isinstance(value, str):
        return spelled_out(value) if grid.has_free_text else value
    return figure(value, exponent if "amount" in column.holds else 0)


def _sums(grid: Grid, rows: Sequence[Sequence[Value]], shown: Sequence[int], label: str, exponent: int) -> list[str]:
    cells = [label]
    for place in shown[1:]:
        column = grid.columns[place]
        summed = sum(value for row in rows if isinstance(value := row[place], int))
        cells.append(figure(summed, exponent if "amount" in column.holds else 0) if column.is_summed else "")
    return cells
