"""How a name is put in order. The bundled PostgreSQL knows no Chinese collation, so the key is stored."""

import unicodedata
from importlib import import_module


def sort_key(name: str) -> str:
    """The name as it is spoken, e.g. 'bei jing da xue', so that plain byte order reads as a register does."""
    # Its dictionary takes a quarter of a second to load, which every process would pay and few need.
    parts = import_module("pypinyin").lazy_pinyin(name)
    return " ".join(part.strip().lower() for part in parts if part.strip())


def plain_name(name: str) -> str:
    """The name as two registers would both have it: without spaces, brackets and letters of one width."""
    return "".join(unicodedata.normalize("NFKC", name).split())
