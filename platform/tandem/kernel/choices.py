"""Columns that take their values from a list: the database holds them to it."""

from collections.abc import Iterable

from sqlalchemy import CheckConstraint


def listed(column: str, values: Iterable[str]) -> str:
    """SQL that holds where a column has one of these values, which are words of ours and never a caller's."""
    return "{} IN ({})".format(column, ", ".join(f"'{value}'" for value in values))


def one_of(column: str, values: Iterable[str], *, name: str | None = None) -> CheckConstraint:
    """The CHECK that keeps a column inside its list, named after the column unless a name is given."""
    return CheckConstraint(listed(column, values), name=name or column)
