"""How a name is put in order. The bundled PostgreSQL knows no Chinese collation, so the key is stored."""

import unicodedata

from pypinyin import lazy_pinyin


def sort_key(name: str) -> str:
    """The name as it is spoken, e.g. 'bei jing da xue', so that plain byte order reads as a register does."""
    return " ".join(part.strip().lower() for part in lazy_pinyin(name) if part.strip())


def plain_name(name: str) -> str:
    """The name as two registers would both have it: without spaces, brackets and letters of one width."""
    return "".join(unicodedata.normalize("NFKC", name).split())
