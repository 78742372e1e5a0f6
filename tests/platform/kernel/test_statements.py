"""Statements said straight to the driver: in the scope's transaction or alone, heard and refused like all others."""

from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from tandem.kernel.database import db, engine_options, session
from tandem.kernel.ids import new_id
from tandem.kernel.settings import Settings
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction

ADD = Statement(
    "INSERT INTO audit_pending (tenant_id, id) VALUES (%(tenant_id)s, %(id)s) RETURNING id, current_setting"
    "('statement_timeout') AS patience"
)
PROPAGATES = "-c timezone=UTC -c citus.propagate_set_commands=local"
ADD_BY_SESSION = text("INSERT INTO audit_pending (tenant_id, id) VALUES (:tenant_id, :id)")
COUNT = Statement("SELECT count(*) AS found FROM audit_pending WHERE tenant_id = %(tenant_id)s AND id = %(id)s")


@pytest.fixture
def mark(app: Flask) -> dict[str, Any]:
    return {"tenant_id": new_id(), "id": new_id()}


def found(mark: dict[str, Any]) -> int:
    with acting_for(mark["tenant_id"]):
        row = COUNT.row(mark)
    assert row is not None
    return int(row["found"])


def test_a_statement_alone_is_committed_as_its_scope_and_told_to_listeners(mark: dict[str, Any]) -> None:
    heard: list[str] = []
    hear = lambda _c, _cur, said, *_: heard.append(said)  # noqa: E731  # a listener of one line
    event.listen(db.engine, "before_cursor_execute", hear)

    with acting_for(mark["tenant_id"]):
        rows = ADD.alone(mark)
    event.remove(db.engine, "before_cursor_execute", hear)

    assert rows == [{"id": mark["id"], "patience": "5s"}]
    assert (found(mark), heard) == (1, [ADD.sql])


def test_a_statement_at_hand_lives_and_dies_with_its_transaction(mark: dict[str, Any]) -> None:
    with acting_for(mark["tenant_id"]):
        with pytest.raises(ZeroDivisionError), transaction():
            ADD.row(mark)
            raise ZeroDivisionError
        lost = found(mark)
        with transaction():
            ADD.row(mark)

    assert (lost, found(mark)) == (0, 1)


def test_a_scope_that_only_says_statements_makes_no_session_and_keeps_no_connection(mark: dict[str, Any]) -> None:
    with acting_for(mark["tenant_id"]) as scope, transaction():
        ADD.row(mark)
        begun = scope.connection

    assert begun is not None
    assert begun.closed
    assert (scope.session, scope.connection, found(mark)) == (None, None, 1)


def test_a_session_made_after_a_statement_goes_on_in_its_transaction(mark: dict[str, Any]) -> None:
    added, undone = mark | {"id": new_id()}, mark | {"id": new_id()}
    with acting_for(mark["tenant_id"]):
        with pytest.raises(ZeroDivisionError), transaction():
            ADD.row(mark)
            session.execute(ADD_BY_SESSION, added)
            raise ZeroDivisionError
        lost = found(mark) + found(added)

        with transaction():
            ADD.row(mark)
            session.execute(ADD_BY_SESSION, added)
            savepoint = session.begin_nested()
            ADD.row(undone)
            savepoint.rollback()

    assert lost == 0
    assert [found(each) for each in (mark, added, undone)] == [1, 1, 0]


def test_what_is_said_after_a_commit_is_said_for_the_same_tenant(mark: dict[str, Any]) -> None:
    second, third = mark | {"id": new_id()}, mark | {"id": new_id()}
    with acting_for(mark["tenant_id"]), transaction():
        ADD.row(mark)
        session.execute(ADD_BY_SESSION, second)
        session.commit()
        ADD.row(third)

    assert [found(each) for each in (mark, second, third)] == [1, 1, 1]


def test_a_refused_statement_leaves_nothing_behind_and_says_why(mark: dict[str, Any]) -> None:
    strangers = mark | {"tenant_id": OPERATOR_ID}
    with acting_for(mark["tenant_id"]):
        ADD.alone(mark)

        with pytest.raises(IntegrityError) as again:
            ADD.alone(mark)
        with pytest.raises(Exception, match="row-level security"):
            ADD.alone(strangers)
        with pytest.raises(IntegrityError), transaction():
            ADD.row(mark)

    assert getattr(again.value.orig, "sqlstate", None) == "23505"
    assert found(mark) == 1


def test_a_coordinator_is_told_the_opening_by_itself(
    mark: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cluster's coordinator repeats the whole message of a SET to its workers, and whatever stands beside it.
    url, said = settings.app_database_url.replace("postgresql://", "postgresql+psycopg://"), []
    options = engine_options() | {"connect_args": {"autocommit": True, "options": PROPAGATES}}
    coordinator, execute = create_engine(url, **options), psycopg.Cursor.execute
    coordinator.connect().close()  # the library has asked the server what it is
    monkeypatch.setitem(db.engines, None, coordinator)
    monkeypatch.setattr(
        psycopg.Cursor, "execute", lambda cursor, words, *given, **more: (
            said.append(words), execute(cursor, words, *given, **more)
        )[1],
    )  # fmt: skip

    with acting_for(mark["tenant_id"]):
        first, second = ADD.alone(mark), ADD.alone(mark | {"id": new_id()})
    coordinator.dispose()

    assert (first[0]["id"], len(second)) == (mark["id"], 1)
    assert [words.split()[0].rstrip(";") for words in said] == ["SELECT", *["BEGIN", "INSERT"] * 2]
    assert [words for words in said if "SET LOCAL" in words and ADD.sql in words] == []


def test_a_connection_that_died_is_not_handed_out_again(mark: dict[str, Any]) -> None:
    die = Statement("SELECT pg_terminate_backend(pg_backend_pid())")
    with acting_for(mark["tenant_id"]):
        with pytest.raises(OperationalError) as alone:
            die.alone({})
        with pytest.raises(OperationalError), transaction():
            die.row({})
        with pytest.raises(OperationalError), transaction():
            session.connection()
            die.row({})

        ADD.alone(mark)

    assert alone.value.connection_invalidated
    assert found(mark) == 1
