"""Whether the operator's bank has told of a transfer: then its line pays invoices, and nobody records it by its name.

Bank files lie in a room above invoices, which introduces itself when the application is built.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class KnownTransfer:
    """A line of the operator's bank that came in, and what of it nothing has been paid with yet."""

    bank_line_id: UUID
    left_minor: int


FindTransfer = Callable[[str], KnownTransfer | None]
"""By the bank's reference, in any scope; None for what no file has told of."""
_find: Final[list[FindTransfer]] = []


def introduce_bank_files(find: FindTransfer) -> None:
    """Tell billing how a transfer that the operator's bank has told of is found."""
    _find[:] = [find]


def known_transfer(reference: str) -> KnownTransfer | None:
    """The transfer that the operator's bank has told of under a reference."""
    return _find[0](reference) if _find else None
