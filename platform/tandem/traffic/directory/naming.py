"""How names are found by what people type: the first letters of their pinyin."""

import re
import unicodedata
from importlib import import_module

_NO_LETTER = re.compile(r"[^0-9a-z]")


def initials(name: str) -> str:
    """The first letter of each syllable, as people type to find a name: 北京协和医院 is bjxhyy."""
    # Its dictionary takes a quarter of a second to load, which every process would pay and few need.
    pypinyin = import_module("pypinyin")
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _NO_LETTER.sub("", "".join(pypinyin.lazy_pinyin(folded, style=pypinyin.Style.FIRST_LETTER)))


def is_initials(typed: str) -> bool:
    """Whether what somebody typed can only be initials."""
    return typed.isascii() and typed.isalnum()
