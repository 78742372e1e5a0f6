"""What a cluster does not take, or takes otherwise, although one machine takes it (decision 0012): looked for in our SQL.

Found by running there; looked for here in every statement that our modules hold, so that one machine is enough to see.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import TextClause

from tandem.billing.reconciliation.matching import Comparison, Keys
from tandem.billing.reconciliation.passes.ceilings import CEILINGS
from tandem.embedded.distribution import placements
from tandem.kernel.statements import Statement

WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+\w")
SIMPLE_CASE = re.compile(r"\bCASE\b(?!\s+WHEN\b)")


@pytest.fixture(scope="module")
def statements(app: Flask) -> dict[str, str]:
    """Every piece of SQL that a module of ours holds, by its name."""
    return dict(held_by(sys.modules))


def test_the_statements_of_the_houses_are_found(statements: dict[str, str]) -> None:
    for name in ("billing.rating.statements.RATE", "billing.payments.commands.inbox._STORE"):
        assert f"tandem.{name}" in statements
    assert len([name for name in statements if ".reconciliation.passes." in name]) > 40


def test_no_case_names_its_subject_once(statements: dict[str, str]) -> None:
    """A coordinator works out the comparison of such a CASE before it knows the row."""
    assert [name for name, sql in statements.items() if SIMPLE_CASE.search(sql)] == []


def test_what_is_written_has_its_parts_behind_the_insert(statements: dict[str, str]) -> None:
    """Parts before an INSERT keep their tables' names on the way to a node; unless they write themselves."""
    assert [name for name, sql in statements.items() if leads_with_parts(sql)] == []


def test_a_part_that_writes_returns_something(statements: dict[str, str]) -> None:
    """Without RETURNING a coordinator fetches the rows and sends them by COPY, which walls forbid."""
    assert [name for name, sql in statements.items() if any(map(returns_nothing, parts_of(sql)))] == []


def test_what_is_written_is_read_from_no_table_that_lies_on_every_node(statements: dict[str, str]) -> None:
    """A copied table would send an INSERT to every shard, and one of the coordinator sends all rows there."""
    shared = {each.table for each in placements() if each.kind != "distributed"}
    everywhere = set(said_by(CEILINGS))  # public circulars lie on every node; a job of the night, and no request

    astray = {
        name: read
        for name, sql in statements.items()
        if "INSERT INTO" in sql
        and sql not in everywhere
        and (read := set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", sql)) & shared)
    }

    assert astray == {}


def test_planted_faults_are_found() -> None:
    assert SIMPLE_CASE.search("SELECT CASE d.kind WHEN 'a' THEN 1 END")
    assert not SIMPLE_CASE.search("SELECT CASE WHEN d.kind = 'a' THEN 1 END")
    assert leads_with_parts("WITH a AS (SELECT 1) INSERT INTO entry (id) SELECT id FROM a")
    assert not leads_with_parts("INSERT INTO entry (id) WITH a AS (SELECT 1) SELECT id FROM a")
    assert not leads_with_parts("WITH a AS (INSERT INTO entry (id) VALUES (1) RETURNING id) INSERT INTO b SELECT 1")
    planted = "WITH a AS (INSERT INTO entry (id) SELECT max(id) FROM b) SELECT 1"
    assert [part for part in parts_of(planted) if returns_nothing(part)] == [
        "INSERT INTO entry (id) SELECT max(id) FROM b"
    ]
    assert not any(map(returns_nothing, parts_of(planted.replace("b)", "b RETURNING id)"))))


def parts_of(sql: str) -> Iterator[str]:
    """What stands in parentheses, whole, however deep."""
    opened: list[int] = []
    for place, letter in enumerate(sql):
        if letter == "(":
            opened.append(place + 1)
        elif letter == ")" and opened:
            yield sql[opened.pop() : place]


def returns_nothing(part: str) -> bool:
    """Whether a part of a statement writes without a word on what it wrote."""
    return part.lstrip().startswith("INSERT INTO") and "RETURNING" not in part


def held_by(modules: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, module in sorted(modules.items()):
        if name.partition(".")[0] in {"tandem", "tenants", "b2b"} and "stripe_sandbox" not in name:
            for attribute, value in vars(module).items():
                if attribute == "__doc__":
                    continue
                for n, sql in enumerate(said_by(value)):
                    yield (f"{name}.{attribute}" if n == 0 else f"{name}.{attribute}.{n}"), sql


def said_by(value: object) -> Iterator[str]:
    """The SQL in a module's value: a statement, a part of one, or a collection of them."""
    if isinstance(value, TextClause):
        yield value.text
    elif isinstance(value, Statement):
        yield value.sql
    elif isinstance(value, str) and re.search(r"\b(?:SELECT|INSERT INTO|UPDATE|CASE)\b", value):
        yield value
    elif isinstance(value, Comparison):
        # What it finds is written: these are the words behind the INSERT.
        yield f"INSERT INTO recon_item {value.compared(Keys(are_all=True))}"
        yield f"INSERT INTO recon_item {value.compared(Keys(are_all=False))}"
    elif isinstance(value, dict):
        for each in value.values():
            yield from said_by(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from said_by(each)


def leads_with_parts(sql: str) -> bool:
    """Whether a WITH that only reads stands before an INSERT."""
    depth, outside, inside = 0, "", ""
    for letter in sql:
        depth += letter == "("
        if depth == 0:
            outside += letter
        elif "INSERT INTO" not in outside:
            inside += letter
        depth -= letter == ")"
    return re.match(r"\s*WITH\b.*\bINSERT INTO\b", outside, re.DOTALL) is not None and not WRITES.search(inside)
