"""Who gets a fapiao issued: told what was asked for, an adapter answers through `commands.record_*`, now or later.

The first one is people: the operator's tax clerk issues in the tax bureau's own client and enters what came back. A
service is another name here with a `hand_over` that calls it; state, amounts and links stay the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Adapter:
    """`hand_over` tells the outside of a fapiao by its id; None: people look at the list of what is pending."""

    name: str
    hand_over: Callable[[UUID], None] | None = None


MANUAL: Final = "manual"
ADAPTERS: Final[Mapping[str, Adapter]] = {MANUAL: Adapter(MANUAL)}
