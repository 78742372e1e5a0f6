"""How names are found by what people type: the first letters of their pinyin."""

import re
import unicodedata

from pypinyin import Style, lazy_pinyin

_NO_LETTER = re.compile(r"[^0-9a-z]")


def initials(name: str) -> str:
    """The first letter of each syllable, as people type to find a name: 北京协和医院 is bjxhyy."""
    return _NO_LETTER.sub(
        "", "".join(lazy_pinyin(unicodedata.normalize("NFKC", name).casefold(), style=Style.FIRST_LETTER))
    )


def is_initials(typed: str) -> bool:
    """Whether what somebody typed can only be initials."""
    return typed.isascii() and typed.isalnum()
