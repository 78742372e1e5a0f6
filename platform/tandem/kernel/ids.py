"""Identifiers: UUIDv7 for rows (ordered by time, made in Python), UUIDv5 where a lost answer must be derivable."""

import os
from array import array
from itertools import accumulate
from typing import Final
from uuid import UUID, SafeUUID, uuid5

import uuid_utils

_blank, _set, _UNSAID = object.__new__, object.__setattr__, SafeUUID.unknown
# The first of the 62 bits drawn at random: left empty, 2**29 distances cannot overflow into what stands before them.
_HEADROOM: Final = 1 << 61
NAMESPACE: Final = UUID("8f1d8f3a-6a55-5c1e-9a0f-7a64656d0001")


def new_id() -> UUID:
    """A fresh UUIDv7. Its time part is the machine's, never the movable test clock's: ids stay unique."""
    # What UUID(int=...) makes of a number, without its checks: half the time, and a batch of journals needs thousands.
    made = _blank(UUID)
    _set(made, "int", uuid_utils.uuid7().int)
    _set(made, "is_safe", _UNSAID)
    return made


def new_ids(count: int) -> list[str]:
    """So many fresh UUIDv7s, written out: a batch that only hands them on needs no objects, which cost six times."""
    return [str(uuid_utils.uuid7()) for _ in range(count)]


def new_ids_as_bytes(count: int) -> list[bytes]:
    """So many fresh UUIDv7s in the order of a moment, each as its sixteen bytes: for batches of thousands.

    One is drawn, the others follow it at random distances below 2**32: monotonic random, as RFC 9562 (6.2, method 2)
    has it, which costs a sixth of drawing each.
    """
    first = uuid_utils.uuid7().int & ~_HEADROOM
    distances = array("I", os.urandom(array("I").itemsize * (count - 1))) if count else ()
    after = accumulate(distances, initial=first)
    return [(each + place).to_bytes(16) for place, each in zip(range(count), after, strict=False)]


def derived_id(*parts: object) -> UUID:
    """The same UUIDv5 for the same parts, so that doing a thing twice names it once."""
    return uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))
