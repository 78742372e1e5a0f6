"""Statements said as they are: SQL and its values straight to the driver, for the few that hot requests say.

On its way to the driver and back, SQLAlchemy adds about 50 µs of Python to the driver's own 40 (one row of six columns,
measured 2026-11-22); a booking says seven statements. Connection, transaction, listeners and faults are those of the
scope, which a session joins when one is made. What is left out is compiling, types and result objects: names are
written `%(name)s`, values are such as psycopg takes them (`Jsonb` around JSON; nothing is encrypted on the way), and
rows come as dicts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import TupleRow, dict_row, tuple_row
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from tandem.kernel.database import connection_at_hand, driver_of, engine_of
from tandem.kernel.tenancy import current_scope

Row = dict[str, Any]
_REPEATS: Final[WeakKeyDictionary[Engine, bool]] = WeakKeyDictionary()
_CURSOR: Final = "tandem.cursor"
# By the statement's own words, of which there are as many as are written in the code.
_NAMES: Final[dict[str, tuple[str, ...]]] = {}


@dataclass(frozen=True)
class Statement:
    """One statement of SQL, the same for every request. Faults are SQLAlchemy's, as everywhere."""

    sql: str

    @classmethod
    def inserting(cls, table: str, columns: str, then: str = "") -> "Statement":
        """An INSERT of one row: the columns' names, parted by blanks, are also those of the values."""
        names = columns.split()
        values = ", ".join(f"%({name})s" for name in names)
        return cls(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values}) {then}".rstrip())  # noqa: S608  # names of ours

    def rows(self, facts: Mapping[str, Any]) -> list[Row]:
        """Say it in the transaction at hand; none when it returns no rows."""
        connection = connection_at_hand()
        cursor = _cursor_of(connection)
        self._say(connection, cursor, self.sql, facts)
        if cursor.rownumber is None:
            return []
        # What a statement returns is called the same each time: asking the driver for 33 names costs it as much as
        # reading their values.
        names = _NAMES.get(self.sql)
        if names is None:
            names = _NAMES[self.sql] = tuple(column.name for column in cursor.description or ())
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def row(self, facts: Mapping[str, Any]) -> Row | None:
        """The only row it returns, or None."""
        found = self.rows(facts)
        return found[0] if found else None

    def alone(self, facts: Mapping[str, Any]) -> list[Row]:
        """Say it in a transaction of its own, opened for the scope and committed, in one round trip.

        The values are written into the text, because only so does PostgreSQL take several statements at once. It
        parses that text each time, which costs it less than two more round trips cost this process. A cluster's
        coordinator repeats the whole message of a SET to its workers: there the opening is a message of its own.
        """
        scope = current_scope()
        with engine_of(scope).connect() as connection:
            # A refused statement leaves its transaction open: the pool rolls back what is given back so.
            cursor = psycopg.ClientCursor(driver_of(connection), row_factory=dict_row)
            words = f"{self.sql}; COMMIT"
            if _repeats_openings(connection):
                cursor.execute(scope.opening())
            else:
                words = f"{scope.opening()}; {words}"
            self._say(connection, cursor, words, facts)
            # `rownumber` is None where there are no rows; `description` would say so by making an object per column.
            while cursor.rownumber is None:
                if not cursor.nextset():
                    return []
            return cursor.fetchall()

    def _say(self, connection: Connection, cursor: psycopg.Cursor[Any], words: str, facts: Mapping[str, Any]) -> None:
        # Whoever listens to statements (tests that count, route or kill) hears these too.
        hearing = connection.dispatch.before_cursor_execute
        if hearing:
            hearing(connection, cursor, self.sql, facts, None, False)
        try:
            cursor.execute(words, facts)
        except psycopg.Error as refused:
            raise _as_sqlalchemy(refused, connection, self.sql) from refused


def _repeats_openings(connection: Connection) -> bool:
    # A server is a cluster's coordinator or is not: asked once by each process and role.
    repeats = _REPEATS.get(connection.engine)
    if repeats is None:
        asked = driver_of(connection).execute("SELECT current_setting('citus.propagate_set_commands', true) = 'local'")
        repeats = _REPEATS[connection.engine] = asked.fetchone() == (True,)
    return repeats


def _cursor_of(connection: Connection) -> psycopg.Cursor[TupleRow]:
    # Kept as long as the driver's connection is: making one costs a seventh of saying a statement.
    cursor: psycopg.Cursor[TupleRow] | None = connection.info.get(_CURSOR)
    if cursor is None:
        cursor = connection.info[_CURSOR] = driver_of(connection).cursor(row_factory=tuple_row)
    return cursor


def _as_sqlalchemy(refused: psycopg.Error, connection: Connection, sql: str) -> BaseException:
    # Typed for a protocol of faults that no driver's own faults are declared to follow.
    dialect: Any = connection.dialect
    is_gone = dialect.is_disconnect(refused, driver_of(connection), None)
    if is_gone:
        connection.invalidate(refused)
    return DBAPIError.instance(sql, None, refused, psycopg.Error, hide_parameters=True, connection_invalidated=is_gone)
