"""Stripe's cursor pages: newest first, ``starting_after``/``ending_before``, ``has_more``.

Source: https://docs.stripe.com/api/pagination
"""

from collections.abc import Sequence
from typing import Any

from tandem.stripe_sandbox.books import Books, as_record
from tandem.stripe_sandbox.storage import COLUMNS, Json
from tandem.stripe_sandbox.wire.errors import ReferenceMissing
from tandem.stripe_sandbox.wire.expansion import present

_BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
Condition = tuple[str, Sequence[Any]]


def equals(field: str, value: Any) -> Condition:
    """The object's field has this value; dots reach into nested hashes."""
    return f"json_extract(body, '$.{field}') = ?", (value,)


def matching(params: Json, *fields: str) -> list[Condition]:
    """One condition per filter that the caller gave, for filters named like the field they look at."""
    return [equals(name, params[name]) for name in fields if params.get(name) is not None]


def page(books: Books, kind: str, params: Json, url: str, conditions: Sequence[Condition] = ()) -> Json:
    """One page of an account's objects of a kind as Stripe's list object."""
    clauses = ["account = ?", "kind = ?", "withheld = 0"]
    values: list[Any] = [books.account, kind]
    for sql, bound in [*conditions, *_created(params)]:
        clauses.append(sql)
        values.extend(bound)
    backwards = bool(params.get("ending_before"))
    for name, sign in (("starting_after", "<"), ("ending_before", ">")):
        if params.get(name):
            clauses.append(f"(created, seq) {sign} (?, ?)")
            values.extend(_cursor(books, kind, params[name], name))
    order = "ASC" if backwards else "DESC"
    limit = params.get("limit", 10)
    rows = books.work.db.execute(
        f"SELECT {COLUMNS} FROM object WHERE {' AND '.join(clauses)}"  # noqa: S608 - clauses are literals of this package, values are bound
        f" ORDER BY created {order}, seq {order} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    shown = [present(books, as_record(row)) for row in rows[:limit]]
    if backwards:
        shown.reverse()
    return whole_list(shown, url, has_more=len(rows) > limit)


def whole_list(items: list[Json], url: str, *, has_more: bool = False) -> Json:
    """A list object around items already at hand."""
    return {"object": "list", "url": url, "has_more": has_more, "data": items}


def _created(params: Json) -> list[Condition]:
    bounds = params.get("created") or {}
    return [(f"created {_BOUNDS[name]} ?", (moment,)) for name, moment in bounds.items()]


def _cursor(books: Books, kind: str, identifier: str, param: str) -> tuple[int, int]:
    row = books.work.db.execute(
        "SELECT created, seq FROM object WHERE account = ? AND id = ? AND kind = ?",
        (books.account, identifier, kind),
    ).fetchone()
    if row is None:
        raise ReferenceMissing(f"No such {kind}: '{identifier}'", code="resource_missing", param=param)
    return row["created"], row["seq"]
