"""What a bill may refer to: a contract that the customer has signed, and its programme.

Contracts lie in a house above this one, which introduces itself when the application is built.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text

SignedPair = tuple[UUID, UUID]
"""A signed contract and its programme."""
FindSigned = Callable[[UUID | None, UUID | None], SignedPair | None]
"""By the contract's id, or without one by its programme's, in the customer's scope; None for nothing signed."""
_find_signed: Final[list[FindSigned]] = []


def introduce_contracts(find: FindSigned) -> None:
    """Tell billing how a customer's signed contracts are found."""
    _find_signed[:] = [find]


def require_signed(*, contract_id: UUID | None, programme_id: UUID | None) -> None:
    """Refuse a contract or a programme of nothing, or of somebody else. [customer] Raises Invalid."""
    if contract_id is None and programme_id is None:
        return
    found = _find_signed[0](contract_id, programme_id) if _find_signed else None
    if found is None:
        raise refused_field(
            "programme_id" if contract_id is None else "contract_id",
            Text("This customer has signed no such contract", "该客户没有已签署的此合同"),
            Text("Name a signed contract of this customer, or leave it out.", "请填写该客户已签署的合同，或省略此项。"),
            "unknown",
        )
    if programme_id not in {None, found[1]}:
        raise refused_field(
            "programme_id",
            Text("This is not the contract's programme", "该计划不属于此合同"),
            Text("Name the contract's own programme, or leave it out.", "请填写此合同的计划，或省略此项。"),
            "unknown",
        )
