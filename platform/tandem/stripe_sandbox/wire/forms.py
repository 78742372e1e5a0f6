"""Stripe's nested forms: ``a[b][0][c]=1`` as the client writes them."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tandem.stripe_sandbox.wire.errors import ParameterInvalid

MOST_PAIRS = 1000
DEEPEST = 8
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")


def read_form(encoded: bytes) -> dict[str, Any]:
    """The nested values of a form body or query string; leaves are text, lists are dicts of indexes.

    Raises ParameterInvalid when the text is no form, nests too deep or contradicts itself.
    """
    try:
        pairs = parse_qsl(encoded.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_PAIRS, errors="strict")
    except ValueError as mistake:
        raise ParameterInvalid(
            f"The request body could not be read as a form of at most {MOST_PAIRS} fields in UTF-8."
        ) from mistake
    tree: dict[str, Any] = {}
    for key, value in pairs:
        _plant(tree, key, value)
    return tree


def _plant(tree: dict[str, Any], key: str, value: str) -> None:
    match = _KEY.match(key)
    steps = [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))] if match else []
    if not steps or len(steps) > DEEPEST or "\x00" in key + value:
        raise ParameterInvalid(f"Invalid parameter name or value: {key[:100]!r}", param=key[:100])
    branch = tree
    for step in steps[:-1]:
        branch = branch.setdefault(_named(branch, step), {})
        if not isinstance(branch, dict):
            raise ParameterInvalid(f"Parameter {key} is given both as a value and as a hash.", param=key)
    leaf = _named(branch, steps[-1])
    if isinstance(branch.get(leaf), dict):
        raise ParameterInvalid(f"Parameter {key} is given both as a value and as a hash.", param=key)
    branch[leaf] = value


def _named(branch: dict[str, Any], step: str) -> str:
    return step if step else str(len(branch))  # a[]=x&a[]=y: the next free index
