"""Whatever a batch holds, PostgreSQL reads from the literal what was written into it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tandem.billing.arrays import array_of
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import in_public

pytestmark = pytest.mark.usefixtures("app")
WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


def read(values: list[Any], kind: str) -> list[Any]:
    with in_public():
        return list(session.scalars(text(f"SELECT CAST(:given AS {kind}[])"), {"given": array_of(kind, values)}).one())


@settings(max_examples=60)
@given(
    st.lists(st.none() | WORDS | st.sampled_from(['"', "\\", "NULL", "{", "}", ",", " ", "\\x00", '\\"']), max_size=9)
)
def test_text_is_what_it_was(values: list[str | None]) -> None:
    assert read(values, "text") == values


@settings(max_examples=20)
@given(st.lists(st.none() | st.binary(min_size=1, max_size=9), max_size=5))
def test_bytes_are_what_they_were(values: list[bytes | None]) -> None:
    assert [None if value is None else bytes(value) for value in read(values, "bytea")] == values


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], "text"),
        ([None, None], "uuid"),
        ([new_id(), None, new_id()], "uuid"),
        ([True, False], "boolean"),
        ([0, -1, 2**62], "bigint"),
        ([Decimal("1E+2"), Decimal("-0.0000000001"), Decimal(9_999_999_999)], "numeric"),
        ([datetime(2026, 9, 1, 1, 30, tzinfo=UTC), datetime(2000, 1, 1, 0, 0, 0, 1, tzinfo=UTC)], "timestamptz"),
    ],
)
def test_plain_values_are_what_they_were(values: list[Any], kind: str) -> None:
    assert read(values, kind) == values
