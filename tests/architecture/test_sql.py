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

from tandem.embedded.distribution import placements
from tandem.kernel.statements import Statement

WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+\w")
SIMPLE_CASE = re.compile(r"\bCASE\s+(?!WHEN\b)[\w.:%()]+\s+WHEN\b")


@pytest.fixture(scope="module")
def statements(app: Flask) -> dict[str, str]:
    """Every piece of SQL that a module of ours holds, by its name."""
    return dict(held_by(sys.modules))


def test_the_statements_of_the_houses_are_found(statements: dict[str, str]) -> None:
    for name in ("billing.rating.statements.RATE", "billing.payments.commands.inbox._STORE"):
        assert f"tandem.{name}" in statements
    assert len(statements) > 200


def test_no_case_names_its_subject_once(statements: dict[str, str]) -> None:
    """A coordinator works out the comparison of such a CASE before it knows the row."""
    assert [name for name, sql in statements.items() if SIMPLE_CASE.search(sql)] == []


def test_what_is_written_has_its_parts_behind_the_insert(statements: dict[str, str]) -> None:
    """Parts before an INSERT keep their tables' names on the way to a node; unless they write themselves."""
    assert [name for name, sql in statements.items() if leads_with_parts(sql)] == []


def test_what_is_written_is_read_from_no_table_that_lies_on_every_node(statements: dict[str, str]) -> None:
    """A copied table would send an INSERT to every shard, and one of the coordinator sends all rows there."""
    shared = {each.table for each in placements() if each.kind != "distributed"}

    astray = {
        name: read
        for name, sql in statements.items()
        if "INSERT INTO" in sql and (read := set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", sql)) & shared)
    }

    assert astray == {}


def test_planted_faults_are_found() -> None:
    assert SIMPLE_CASE.search("SELECT CASE d.kind WHEN 'a' THEN 1 END")
    assert not SIMPLE_CASE.search("SELECT CASE WHEN d.kind = 'a' THEN 1 END")
    assert leads_with_parts("WITH a AS (SELECT 1) INSERT INTO entry (id) SELECT id FROM a")
    assert not leads_with_parts("INSERT INTO entry (id) WITH a AS (SELECT 1) SELECT id FROM a")
    assert not leads_with_parts("WITH a AS (INSERT INTO entry (id) VALUES (1) RETURNING id) INSERT INTO b SELECT 1")


def held_by(modules: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, module in sorted(modules.items()):
        if name.partition(".")[0] in {"tandem", "tenants", "b2b"} and "stripe_sandbox" not in name:
            for attribute, value in vars(module).items():
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
