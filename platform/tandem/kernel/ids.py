"""Identifiers: UUIDv7 for rows (ordered by time, made in Python), UUIDv5 where a lost answer must be derivable."""

from typing import Final
from uuid import UUID, uuid5

import uuid_utils
from uuid_utils.compat import uuid7

NAMESPACE: Final = UUID("8f1d8f3a-6a55-5c1e-9a0f-7a64656d0001")


def new_id() -> UUID:
    """A fresh UUIDv7. Its time part is the machine's, never the movable test clock's: ids stay unique."""
    return uuid7()


def new_ids(count: int) -> list[str]:
    """So many fresh UUIDv7s, written out: a batch that only hands them on needs no objects, which cost six times."""
    return [str(uuid_utils.uuid7()) for _ in range(count)]


def derived_id(*parts: object) -> UUID:
    """The same UUIDv5 for the same parts, so that doing a thing twice names it once."""
    return uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))
