"""The font of our documents: one file for all of Chinese, from which each document takes the glyphs it needs.

The outlines are turned into TrueType on the way: readers of text in a PDF know that form best.
"""

import logging
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, Final

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable

from tandem.billing.stationery.errors import GlyphMissing

PACKAGE, FILE, FACE = "noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc", "Noto Sans CJK SC"
_NOT_SET: Final = frozenset("\t\n\r\u200b\ufeff")
_LAYOUT: Final = ("BASE", "GPOS", "GSUB", "GDEF", "VORG", "vhea", "vmtx", "DSIG")
_ZEROED: Final = (
    "maxTwilightPoints",
    "maxStorage",
    "maxFunctionDefs",
    "maxInstructionDefs",
    "maxStackElements",
    "maxSizeOfInstructions",
    "maxComponentElements",
    "maxComponentDepth",
)
CUT_MOST: Final = 32
"""Fonts that a process keeps, some 40 kB each."""
_one_at_a_time: Final = Lock()
# A line for each table of the font is no news.
logging.getLogger("fontTools").setLevel(logging.WARNING)


def require_glyphs(texts: Iterable[str]) -> None:
    """Let texts pass that the font can set. Raises GlyphMissing with the characters it cannot: never a gap."""
    wanted = {character for text in texts for character in text} - _NOT_SET
    missing = sorted(character for character in wanted if ord(character) not in _covered())
    if missing:
        raise GlyphMissing(characters=missing[:20], code_points=[f"U+{ord(each):04X}" for each in missing[:20]])


def spelled_out(text: str) -> str:
    """Somebody's own words, each character that the font cannot set told by its code point: ‹U+1F600›."""
    known = _covered()
    return "".join(each if ord(each) in known or each in _NOT_SET else f"‹U+{ord(each):04X}›" for each in text)


def subset_font(texts: Iterable[str], into: Path) -> None:
    """Write a TrueType font with just the glyphs of these texts."""
    into.write_bytes(_cut("".join(sorted({" "}.union(*texts)))))


@lru_cache(maxsize=CUT_MOST)
def _cut(characters: str) -> bytes:
    """A font of these characters; kept, for a document is often read again, and its pages are by far the cheaper."""
    options = Options()
    options.layout_features = []
    options.hinting = False
    options.desubroutinize = True
    options.notdef_outline = True
    options.drop_tables += _LAYOUT
    subsetter = Subsetter(options)
    subsetter.populate(text=characters)
    with _one_at_a_time, _open() as font:
        # Left to the subsetter they are read before they are dropped: a sixth of its work.
        for table in set(_LAYOUT).intersection(font.keys()):
            del font[table]
        subsetter.subset(font)
        _to_truetype(font)
        made = BytesIO()
        font.save(made)
    return made.getvalue()


@cache
def _covered() -> frozenset[int]:
    with _open() as font:
        return frozenset(font.getBestCmap())


def _open() -> Any:
    path = str(files(PACKAGE) / FILE)
    # Its own date and not the hour of the cut: the same texts are the same bytes.
    return TTFont(path, fontNumber=_face(path), lazy=True, recalcTimestamp=False)


@cache
def _face(path: str) -> int:
    for place in range(32):
        with TTFont(path, fontNumber=place, lazy=True) as font:
            if font["name"].getDebugName(4) == FACE:
                return place
    raise LookupError(f"{FILE} holds no {FACE}")


def _to_truetype(font: Any) -> None:
    names, drawn = font.getGlyphOrder(), font.getGlyphSet()
    outlines = newTable("glyf")
    outlines.glyphs, outlines.glyphOrder = {}, names
    for name in names:
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, 1, reverse_direction=True))
        outlines.glyphs[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), outlines
    del font["CFF "]
    font["head"].glyphDataFormat = 0
    font["post"].formatType = 3
    limits = font["maxp"]
    limits.tableVersion, limits.numGlyphs, limits.maxZones = 0x00010000, len(names), 1
    for name in _ZEROED:
        setattr(limits, name, 0)
    font.sfntVersion = "\x00\x01\x00\x00"
