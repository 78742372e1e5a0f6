"""Columns as PostgreSQL array literals.

The driver can send lists, one object at a time in Python; a batch of twenty thousand entries spends more time there
than the database does on writing them. A literal is one string, joined in C here and parsed in C there.
https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from collections.abc import Iterable, Sequence
from typing import Any


def array_of(kind: str, values: Sequence[Any]) -> str:
    """A column of a PostgreSQL type, where None is NULL."""
    if None in values:
        return "{" + ",".join("NULL" if each is None else array_of(kind, [each])[1:-1] for each in values) + "}"
    if kind == "text":
        return text_array(values)
    return bytes_array(values) if kind == "bytea" else plain_array(values)


def plain_array(values: Iterable[object]) -> str:
    """Numbers, moments, UUIDs, and NULL: words that need no quoting."""
    return "{" + ",".join(map(str, values)) + "}"


def text_array(values: Sequence[str]) -> str:
    """Any text, quoted."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        joined = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + joined + '"}' if values else "{}"


def bytes_array(values: Iterable[bytes]) -> str:
    """Bytes in hexadecimal, quoted."""
    joined = '","\\\\x'.join([value.hex() for value in values])
    return '{"\\\\x' + joined + '"}' if joined else "{}"
