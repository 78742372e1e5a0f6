"""What the stories of the edge share: one hospital, and a look at whether anything was written anywhere."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from flask.testing import FlaskClient
from psycopg import sql

from tests.people import once

# A wrong password is remembered on purpose: that is how a lock comes about.
REMEMBERED = {"login_throttle"}


@dataclass(frozen=True)
class Caller:
    """Somebody at one address after another."""

    client: FlaskClient
    headers: dict[str, str]

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        """Send exactly these bytes."""
        with_key = once() if method == "POST" else {}
        json = {"Content-Type": "application/json"} if body is not None else {}
        return self.client.open(path, method=method, data=body, headers=self.headers | with_key | json | headers)


def row_counts(database: str) -> dict[str, int]:
    """How many rows each table has, for everybody together. `database` is a superuser's URL."""
    with psycopg.connect(database) as connection:
        tables = [row[0] for row in connection.execute("SELECT relname FROM pg_stat_user_tables ORDER BY 1")]
        counts = [
            sql.SQL("SELECT {}, (SELECT count(*) FROM {})").format(table, sql.Identifier(table))
            for table in tables
            if table not in REMEMBERED
        ]
        return dict(connection.execute(sql.SQL(" UNION ALL ").join(counts)).fetchall())


@contextmanager
def nothing_is_written(database: str, but: Collection[str] = ()) -> Iterator[None]:
    """Whatever happens in this block leaves every table `but` these as long as it was."""
    before = row_counts(database)
    yield
    after = row_counts(database)
    grown = {table: count - before[table] for table, count in after.items() if table not in but}
    assert not any(grown.values()), grown


def told_well(answer: Any) -> dict[str, Any]:
    """The problem an answer tells: typed, with a title and a mend, and no trace of our insides."""
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)[:300]
    problem: dict[str, Any] = answer.json
    assert 400 <= answer.status_code < 500, problem
    assert problem["type"].startswith("/problems/")
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["request_id"]
    assert not {"Traceback", "psycopg", "sqlalchemy"} & set(str(problem).split())
    return problem


def fields_of(problem: dict[str, Any]) -> dict[str, str]:
    """Which fields a problem names, and with which code."""
    for each in problem.get("errors", []):
        assert each["reason"]
        assert each["mend"]
    return {each["field"]: each["code"] for each in problem.get("errors", [])}
