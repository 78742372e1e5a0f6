"""Documents as PDF on A4: bilingual, the font embedded and cut down, the text extractable, the bytes the same again.

A document is a run of blocks. Each says which texts it sets, so that the font can be cut before the first of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from tandem.billing.stationery.lettering import require_glyphs, subset_font

_FAMILY: Final = "noto"
_MARGIN_MM: Final = 15
_GREY, _INK, _RULE = (100, 106, 115), (24, 28, 33), (205, 210, 216)
_HEADING, _MARK = (244, 246, 248), (240, 214, 210)
_PARTY: Final = (
    ("tax_number", "税号 Tax No."),
    ("address", "地址 Address"),
    ("telephone", "电话 Tel."),
    ("bank_name", "开户行 Bank"),
    ("bank_account", "账号 Account"),
)
_SIGNED: Final = ("单位（盖章） Seal", "经办人 Prepared by", "财务负责人 Finance officer", "日期 Date")
_PAGE_NUMBERS: Final = "0123456789 /"


class Block(Protocol):
    """A part of a document."""

    def texts(self) -> Sequence[str]:
        """All that it sets."""

    def draw(self, paper: FPDF) -> None:
        """Set it below what stands already."""


@dataclass(frozen=True, slots=True)
class Title:
    """The document's name, and what it is about in pairs of label and value."""

    text: str
    facts: Sequence[tuple[str, str]]

    def texts(self) -> Sequence[str]:
        return [self.text, *(each for pair in self.facts for each in pair)]

    def draw(self, paper: FPDF) -> None:
        paper.set_text_color(*_INK)
        paper.set_font(_FAMILY, size=20)
        paper.cell(0, 11, self.text, new_x="LMARGIN", new_y="NEXT")
        paper.set_draw_color(*_RULE)
        paper.line(_MARGIN_MM, paper.get_y() + 1, paper.w - _MARGIN_MM, paper.get_y() + 1)
        paper.ln(4)
        for place, (label, value) in enumerate(self.facts):
            _pair(paper, label, value)
            if place % 2 or place == len(self.facts) - 1:
                paper.ln(6)
        paper.ln(3)


@dataclass(frozen=True, slots=True)
class Parties:
    """Two parties side by side, each with its label and particulars."""

    labels: tuple[str, str]
    parties: tuple[Mapping[str, Any], Mapping[str, Any]]

    def texts(self) -> Sequence[str]:
        said = [
            str(party.get(name) or "") for party in self.parties for name in ("name", *(each for each, _ in _PARTY))
        ]
        return ["—", *self.labels, *(title for _, title in _PARTY), *said]

    def draw(self, paper: FPDF) -> None:
        top, bottoms = paper.get_y(), []
        lefts = (_MARGIN_MM, int(paper.w / 2) + 3)
        for left, label, party in zip(lefts, self.labels, self.parties, strict=True):
            paper.set_xy(left, top)
            _party(paper, left, label, party)
            bottoms.append(paper.get_y())
        paper.set_y(max(bottoms) + 5)


@dataclass(frozen=True, slots=True)
class Heading:
    """What the blocks after it are about."""

    text: str

    def texts(self) -> Sequence[str]:
        return [self.text]

    def draw(self, paper: FPDF) -> None:
        # With the head of its table and a row: a heading does not stand alone at the foot of a page.
        if paper.will_page_break(32):
            paper.add_page()
        else:
            paper.ln(2)
        paper.set_font(_FAMILY, size=11)
        paper.set_text_color(*_INK)
        paper.cell(0, 8, self.text, new_x="LMARGIN", new_y="NEXT")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text, the first of them the head, which is said again on each page; `last_is_sum` marks the last."""

    rows: Sequence[Sequence[str]]
    widths: Sequence[int]
    align: Sequence[str]
    last_is_sum: bool = False

    def texts(self) -> Sequence[str]:
        return [each for row in self.rows for each in row]

    def draw(self, paper: FPDF) -> None:
        paper.set_font(_FAMILY, size=8)
        paper.set_text_color(*_INK)
        paper.set_draw_color(*_RULE)
        with paper.table(
            col_widths=tuple(self.widths),
            text_align=tuple(self.align),
            width=paper.epw,
            headings_style=FontFace(color=_GREY, fill_color=_HEADING),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=5,
            padding=(1, 1),
        ) as table:
            for place, row in enumerate(self.rows, start=1):
                is_sum = self.last_is_sum and place == len(self.rows)
                table.row(list(row), style=FontFace(fill_color=_HEADING) if is_sum else None)
        paper.ln(3)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums one below the other at the right, with how each is said; `total` is the place of the one that counts."""

    rows: Sequence[tuple[str, str]]
    total: int
    in_words: str = ""

    def texts(self) -> Sequence[str]:
        return [self.in_words, *(each for row in self.rows for each in row)]

    def draw(self, paper: FPDF) -> None:
        if paper.will_page_break(7 * len(self.rows) + 8):
            paper.add_page()
        for place, (label, shown) in enumerate(self.rows):
            is_total = place == self.total
            paper.set_x(paper.w / 2)
            paper.set_text_color(*(_INK if is_total else _GREY))
            paper.set_font(_FAMILY, size=11 if is_total else 9)
            paper.cell(45, 7, label)
            paper.set_text_color(*_INK)
            paper.cell(0, 7, shown, align="R", new_x="LMARGIN", new_y="NEXT")
        if self.in_words:
            paper.set_font(_FAMILY, size=9)
            paper.cell(0, 7, self.in_words, align="R", new_x="LMARGIN", new_y="NEXT")
        paper.ln(3)


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph; `is_aside` sets it in grey."""

    text: str
    is_aside: bool = True

    def texts(self) -> Sequence[str]:
        return [self.text]

    def draw(self, paper: FPDF) -> None:
        paper.set_font(_FAMILY, size=8)
        paper.set_text_color(*(_GREY if self.is_aside else _INK))
        paper.multi_cell(0, 5, self.text, align="L", new_x="LMARGIN", new_y="NEXT")


@dataclass(frozen=True, slots=True)
class Signatures:
    """Where both parties sign and seal, each in a box; never parted by a page's end, nor from their heading."""

    heading: str
    labels: tuple[str, str]
    names: tuple[str, str]

    def texts(self) -> Sequence[str]:
        return [self.heading, *self.labels, *self.names, *_SIGNED]

    def draw(self, paper: FPDF) -> None:
        height = 58
        if paper.will_page_break(height + 16):
            paper.add_page()
        Heading(self.heading).draw(paper)
        top, width = paper.get_y() + 2, paper.w / 2 - _MARGIN_MM - 3
        paper.set_draw_color(*_RULE)
        for left, label, name in zip((_MARGIN_MM, paper.w / 2 + 3), self.labels, self.names, strict=True):
            paper.rect(left, top, width, height)
            paper.set_xy(left + 3, top + 2)
            paper.set_font(_FAMILY, size=8)
            paper.set_text_color(*_GREY)
            paper.cell(width - 6, 5, label, new_x="LEFT", new_y="NEXT")
            paper.set_font(_FAMILY, size=9)
            paper.set_text_color(*_INK)
            paper.multi_cell(width - 6, 5, name, align="L", new_x="LEFT", new_y="NEXT")
            paper.set_font(_FAMILY, size=8)
            paper.set_text_color(*_GREY)
            for place, each in enumerate(_SIGNED):
                paper.set_xy(left + 3, top + 20 + 9 * place)
                paper.cell(width - 6, 8, each)
        paper.set_xy(_MARGIN_MM, top + height + 4)


def pdf_of(blocks: Sequence[Block], *, title: str, number: str, foot: str, made_at: datetime, mark: str = "") -> bytes:
    """The PDF's bytes. `mark` stands large behind every page; `foot` and the document's number below each.

    Raises GlyphMissing for a character that the font cannot set: refused, never a gap.
    """
    texts = [title, number, foot, mark, _PAGE_NUMBERS, *(text for block in blocks for text in block.texts())]
    require_glyphs(texts)
    paper = _Paper(format="A4")
    paper.number, paper.foot, paper.mark = number, foot, mark
    with TemporaryDirectory() as folder:
        font = Path(folder) / "noto.ttf"
        subset_font(texts, font)
        paper.add_font(_FAMILY, "", font)
    paper.set_creation_date(made_at)
    paper.set_margins(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    paper.set_auto_page_break(True, margin=20)
    paper.set_title(f"{title} {number}")
    paper.set_lang("zh-CN")
    paper.add_page()
    for block in blocks:
        block.draw(paper)
    return bytes(paper.output())


class _Paper(FPDF):
    """A4 with a foot on each page: the document's number and the page's; and behind each, perhaps, a mark."""

    number = foot = mark = ""

    def header(self) -> None:
        """Called by the library at the start of each page, so that everything else is set over it."""
        if self.mark:
            self.set_font(_FAMILY, size=110)
            self.set_text_color(*_MARK)
            with self.rotation(45, self.w / 2, self.h / 2):
                self.set_xy(0, self.h / 2 - 25)
                self.cell(self.w, 50, self.mark, align="C")
            self.set_xy(_MARGIN_MM, _MARGIN_MM)

    def footer(self) -> None:
        """Called by the library at the end of each page."""
        self.set_y(-14)
        self.set_font(_FAMILY, size=7)
        self.set_text_color(*_GREY)
        self.cell(0, 4, self.foot, new_x="LMARGIN", new_y="NEXT")
        self.cell(90, 4, self.number)
        self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")


def _pair(paper: FPDF, label: str, value: str) -> None:
    paper.set_font(_FAMILY, size=8)
    paper.set_text_color(*_GREY)
    paper.cell(30, 6, label)
    paper.set_font(_FAMILY, size=9)
    paper.set_text_color(*_INK)
    paper.cell(60, 6, value)


def _party(paper: FPDF, left: int, label: str, party: Mapping[str, Any]) -> None:
    width = paper.w / 2 - _MARGIN_MM - 3
    paper.set_font(_FAMILY, size=8)
    paper.set_text_color(*_GREY)
    paper.cell(width, 5, label, new_x="LEFT", new_y="NEXT")
    paper.set_text_color(*_INK)
    paper.set_font(_FAMILY, size=11)
    paper.multi_cell(width, 6, party.get("name") or "—", align="L", new_x="LEFT", new_y="NEXT")
    for name, title in _PARTY:
        if party.get(name):
            paper.set_font(_FAMILY, size=8)
            paper.set_text_color(*_GREY)
            paper.set_x(left)
            paper.cell(26, 5, title)
            paper.set_text_color(*_INK)
            paper.multi_cell(width - 26, 5, str(party[name]), align="L", new_x="LEFT", new_y="NEXT")
            paper.set_x(left)
