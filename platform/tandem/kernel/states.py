"""State machines are tables: what is not listed is refused, and every move leaves an audit event."""

from collections.abc import Mapping, Set
from typing import Any

from sqlalchemy import CheckConstraint

from tandem.kernel import audit
from tandem.kernel.choices import one_of
from tandem.kernel.errors import TransitionRefused

StateTable = Mapping[str, Set[str]]


def states(table: StateTable, column: str = "status") -> CheckConstraint:
    """The CHECK that keeps a status column inside its state table."""
    return one_of(column, table)


def move(row: Any, to: str, table: StateTable, *, because: str | None = None, column: str = "status") -> None:
    """Move a row to another state and record who did it and why.

    Raises TransitionRefused with the present state and the allowed moves.
    """
    current = getattr(row, column)
    if to not in table[current]:
        raise TransitionRefused(current=current, wanted=to, allowed=sorted(table[current]))
    setattr(row, column, to)
    audit.record(
        action=f"{row.__tablename__}.{to}",
        object_type=row.__tablename__,
        object_id=row.id,
        details={"from": current} | ({"because": because} if because else {}),
    )
