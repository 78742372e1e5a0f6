"""Reading JSON bodies: UTF-8, an object at the top, and every member said once.

JSON leaves a member that is said twice to whoever reads it (RFC 8259, section 4): we would take the last sum and a
proxy or an auditor the first. orjson cannot tell, so it is counted, which costs a hundredth of reading a batch.
"""

import json
import re
from typing import Any, Final

import orjson

from tandem.kernel.errors import Malformed, MemberRepeated

_NAME: Final = re.compile(r"[a-z_]{1,60}")
_SPACED: Final = (b" :", b"\t:", b"\n:", b"\r:")


def read_body(body: bytes) -> dict[str, Any]:
    """A body as plain data. Raises Malformed, MemberRepeated."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        raise Malformed(line=broken.lineno, column=broken.colno) from None
    if not isinstance(data, dict):
        raise Malformed
    _require_said_once(body, data)
    return data


def read_batch(body: bytes) -> dict[str, Any]:
    """The same for a batch, where one bad item must not refuse the others. Raises Malformed, MemberRepeated.

    NaN, 1e309 or half a surrogate pair in one item: the slower reader takes them, and leaves every fraction as a
    float, which no item may hold.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        try:
            data = json.loads(body, object_pairs_hook=_said_once)
        except (ValueError, RecursionError):
            raise Malformed(line=broken.lineno, column=broken.colno) from None
        if not isinstance(data, dict):
            raise Malformed from None
        return data
    if not isinstance(data, dict):
        raise Malformed
    _require_said_once(body, data)
    return data


def _require_said_once(body: bytes, data: dict[str, Any]) -> None:
    # Every name in the text ends with '":' where no space stands before a colon; a string may hold the same two
    # characters, which only makes the count larger. So as many as there are members: none was said twice.
    if body.count(b'":') == _members(body, data) and not any(each in body for each in _SPACED):
        return
    try:
        json.loads(body, object_pairs_hook=_said_once)
    except RecursionError:
        raise Malformed from None


def _members(body: bytes, data: dict[str, Any]) -> int:
    lists = [each for each in data.values() if type(each) is list]
    inside = [len(each) for one in lists for each in one if type(each) is dict]
    # The shape of a batch: flat objects in a list. No bracket of the text is left over, so nothing lies deeper.
    if body.count(b"{") + body.count(b"[") == 1 + len(lists) + len(inside):
        return len(data) + sum(inside)
    count = 0
    waiting: list[Any] = [data]
    while waiting:
        each = waiting.pop()
        below = each
        if type(each) is dict:
            count += len(each)
            below = each.values()
        waiting += [one for one in below if type(one) is dict or type(one) is list]
    return count


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        # A name that is none of ours may be anything, a person's among it; facts carry no such thing.
        raise MemberRepeated(member=twice if _NAME.fullmatch(twice) else None)
    return said
