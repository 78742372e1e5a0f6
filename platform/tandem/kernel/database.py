"""Tables, sessions and pages: Flask-SQLAlchemy on PostgreSQL, one session per scope, SQL in sight."""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar, cast
from uuid import UUID

import orjson
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg import Connection as DriverConnection
from psycopg import OperationalError as DriverError
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Date,
    Engine,
    LargeBinary,
    MetaData,
    Numeric,
    RowMapping,
    Select,
    Table,
    Text,
    Uuid,
    event,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapped,
    ORMExecuteState,
    Session,
    declared_attr,
    mapped_column,
    registry,
    with_loader_criteria,
)
from werkzeug.local import LocalProxy

from tandem.kernel import errors, telemetry
from tandem.kernel.i18n import Text as Words
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import NoTenantChosen, Scope, current_scope, in_public, tenant_id

POOL_WAIT_SECONDS: Final = 2
IDLE_PING_SECONDS: Final = 1.0
PAGE_LIMIT_DEFAULT: Final = 20
PAGE_LIMIT_MAX: Final = 100
_QUOTED: Final = re.compile(r'"([^"]+)"')
_SHARD: Final = re.compile(r"_\d{6,}$")


class Base(DeclarativeBase):
    """Every table's ancestor: types, and names of constraints that read well in an error."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "pk": "%(table_name)s_pkey",
                "uq": "%(table_name)s_%(column_0_N_name)s_key",
                "ix": "%(table_name)s_%(column_0_N_name)s_idx",
                "fk": "%(table_name)s_%(referred_table_name)s_fkey",
                "ck": "%(table_name)s_%(constraint_name)s_check",
            }
        ),
        type_annotation_map={
            datetime: TIMESTAMP(timezone=True),
            date: Date,
            int: BigInteger,
            str: Text,
            bytes: LargeBinary,
            UUID: Uuid,
            Decimal: Numeric(20, 10),
            list[str]: ARRAY(Text),
            dict[str, Any]: JSONB,
            list[dict[str, Any]]: JSONB,
        },
    )


class TenantSession(FlaskSession):
    """A session that belongs to one scope and speaks through that scope's role."""

    def get_bind(self, *args: Any, bind: Any = None, **kwargs: Any) -> Any:
        scope = self.info.get("scope")
        if scope is None:
            raise NoTenantChosen("use tandem.kernel.database.session inside a scope")
        # What the scope has begun without a session goes on in it.
        return bind or scope.connection or engine_of(scope)


def engine_of(scope: Scope) -> Engine:
    """The engine that speaks through the scope's role."""
    return db.engines["operator" if scope.role == "operator" else None]


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={
        "class_": TenantSession,
        "autoflush": False,
        "expire_on_commit": False,
        "join_transaction_mode": "control_fully",
    },
)

if TYPE_CHECKING:

    class Model(Base):
        """What mypy sees: a plain declarative model."""

        __abstract__ = True
        __table__: ClassVar[Table]
else:
    Model = db.Model


def _session_of_the_scope() -> Session:
    scope = current_scope()
    if scope.session is None:
        scope.session = db.session.session_factory(info={"scope": scope})
        if scope.connection is not None:
            scope.session.connection()
    return scope.session


session: Session = cast(Session, LocalProxy(_session_of_the_scope))
"""The current scope's session. No scope: NoTenantChosen."""


def connection_at_hand() -> Connection:
    """The connection of the scope's transaction, begun where there is none.

    No session is made for it: making, asking and ending one costs a list of slots as much as all its statements do.
    """
    scope = current_scope()
    if scope.session is not None:
        return scope.session.connection()
    if scope.connection is None:
        scope.connection = _begun(scope)
    return scope.connection


def driver_of(connection: Connection) -> DriverConnection[Any]:
    """psycopg's connection below SQLAlchemy's."""
    return cast("DriverConnection[Any]", connection.connection.driver_connection)


def _begun(scope: Scope) -> Connection:
    made = engine_of(scope).connect()
    try:
        made.begin()
        driver_of(made).execute(scope.opening(), prepare=False)
    except BaseException:
        made.close()
        raise
    return made


@dataclass(frozen=True)
class Wall:
    """How a tenant's table is walled, besides its own tenant.

    `operator`: what the operator's role may do with rows of any tenant; "none" for clinical and personal tables.
    `append_only`: nobody but the owner may UPDATE or DELETE. `operator_where`: a further condition on its rows.
    Not `deletable`: rows are moved on, and only the owner may DELETE them.
    """

    operator: Literal["none", "read", "write"]
    append_only: bool = False
    operator_where: str | None = None
    deletable: bool = True


class TenantOwned:
    """A row that belongs to one organisation: keys begin with its tenant, so no reference can cross the wall."""

    __wall__: ClassVar[Wall]

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-19)


Row = TypeVar("Row")
Owned = TypeVar("Owned", bound=TenantOwned)


class Reference:
    """A row of the platform, with no tenant: it says why, and who may do what, `__person_column__` whose it is.

    `__on_coordinator__`: requests write it as they come, so on a cluster it stays in one place instead of being copied
    to every node.
    """

    __reason__: ClassVar[str]
    __grants__: ClassVar[Mapping[str, str]]
    __person_column__: ClassVar[str | None] = None
    __on_coordinator__: ClassVar[bool] = False


class Versioned:
    """A row that clients update: its version is its ETag."""

    version: Mapped[int] = mapped_column(default=1, sort_order=90)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy calls it with the class
        return {"version_id_col": cls.version}


class Changing:
    """A row that says which transaction wrote it last, so that whoever looks again looks at what has changed only.

    The database writes it, on the node where the row is; it can be held against `pg_snapshot_xmin` of that node.
    """

    changed_xid: Mapped[int] = mapped_column(server_default=text("0"), sort_order=95)


@dataclass(frozen=True)
class Page:
    """One page of a list: rows in order, and the cursor after which the next begins."""

    rows: Sequence[Any]
    next: str | None

    @property
    def has_more(self) -> bool:
        return self.next is not None


def locked(wanted: Select[Row]) -> Row | None:
    """The row, locked, as it is now: what the session read before the lock is old, what it changed is written first."""
    session.flush()
    return session.scalar(wanted.with_for_update().execution_options(populate_existing=True))


def own_row(model: type[Owned], row_id: UUID, *, for_update: bool = False) -> Owned:
    """The row of the tenant at hand with this id. Raises NotFound, worded alike for another tenant's."""
    wanted = select(model).where(model.tenant_id == tenant_id(), model.id == row_id)
    found = locked(wanted) if for_update else session.scalar(wanted)
    if found is None:
        raise errors.NotFound
    return found


def rows(statement: Select[*tuple[Any, ...]]) -> Sequence[RowMapping]:
    """Read rows as mappings, without making objects of them."""
    return session.execute(statement).mappings().all()


def page(
    statement: Select[*tuple[Any, ...]],
    *,
    by: Sequence[InstrumentedAttribute[Any]],
    limit: int = PAGE_LIMIT_DEFAULT,
    after: str | None = None,
    newest_first: bool = False,
) -> Page:
    """A keyset page of `statement`, ordered by the columns `by` (the last one unique); all of them are selected.

    Raises Invalid when `after` is no cursor of such a list.
    """
    limit = max(1, min(limit, PAGE_LIMIT_MAX))
    columns = list(by)
    if after is not None:
        key = tuple_(*columns)
        edge = tuple_(*cursor_values(after, columns))
        statement = statement.where(key < edge if newest_first else key > edge)
    statement = statement.order_by(*(c.desc() if newest_first else c.asc() for c in columns)).limit(limit + 1)
    found = rows(statement)
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], cursor_of([found[limit - 1][column.key] for column in columns]))


def cursor_of(values: Sequence[object]) -> str:
    """The cursor of the row with these values in the list's order."""
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def cursor_values(cursor: str, columns: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    """The values that a cursor stands for. Raises Invalid when it is no cursor of a list in the order of `columns`."""
    readers: dict[Any, Any] = {
        UUID: UUID,
        datetime: datetime.fromisoformat,
        date: date.fromisoformat,
        int: int,
        str: str,
    }
    try:
        values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [readers[c.type.python_type](value) for c, value in zip(columns, values, strict=True)]
    except (ValueError, TypeError, KeyError):
        raise errors.refused_field(
            "after",
            Words("This is no cursor of this list", "该游标不属于此列表"),
            Words("Take 'next' from the page before.", "请使用上一页返回的 next。"),
        ) from None


@contextmanager
def refusing(**problems: type[errors.Problem]) -> Iterator[None]:
    """Let a constraint decide and a problem explain: constraint name -> Problem, checked when the block is flushed."""
    try:
        yield
        session.flush()
    except IntegrityError as refused:
        name = refusing_constraint(refused)
        if name in problems:
            raise problems[name]() from None
        raise


def refusing_constraint(refused: IntegrityError) -> str | None:
    """The constraint that refused, as the models call it. A cluster tells it in words only: `slot_once_key_104071`."""
    diagnosis = getattr(refused.orig, "diag", None)
    if named := getattr(diagnosis, "constraint_name", None):
        return str(named)
    quoted = _QUOTED.findall(getattr(diagnosis, "message_primary", None) or "")
    return _SHARD.sub("", quoted[-1]) if quoted else None


def engine_options() -> dict[str, Any]:
    """Pool and driver settings: autocommit, because a scope opens its transactions itself, in one round trip."""
    return {
        "pool_size": 8,
        # A request may hold two at once: its own, and the short one in which its tenant's key is made. With fewer
        # than two for each of gunicorn's eight threads they could all wait for each other.
        "max_overflow": 8,
        "pool_timeout": POOL_WAIT_SECONDS,
        "pool_recycle": 1800,
        "connect_args": {
            "autocommit": True,
            "connect_timeout": 3,
            "application_name": "tandem",
            "options": "-c timezone=UTC",
        },
    }


def watch(engine: Any) -> None:
    """Give an engine the habit of asking a connection that has lain idle whether it still lives."""

    @event.listens_for(engine, "checkin")
    def _note(_dbapi: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(dbapi: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) > IDLE_PING_SECONDS:
            try:
                dbapi.execute("SELECT 1", prepare=False)
            except DriverError as gone:
                raise DisconnectionError from gone


@event.listens_for(TenantSession, "after_begin")
def _open(opened: Session, transaction: Any, connection: Any) -> None:
    driver, scope = driver_of(connection), opened.info["scope"]
    # What the scope's own connection has begun is open already.
    if driver.pgconn.transaction_status == TransactionStatus.IDLE:
        driver.execute(scope.opening(), prepare=False)


@event.listens_for(TenantSession, "do_orm_execute")
def _belt(state: ORMExecuteState) -> None:
    # Row-level security is the wall; the visible predicate is what Citus routes by, and a second belt.
    if not state.is_orm_statement or state.is_column_load:
        return
    info = state.session.info
    tenant = info["scope"].tenant_id
    if tenant is None:
        return
    if "belt" not in info:
        # Once per session: looking into the lambda costs more than sending a statement.
        info["belt"] = with_loader_criteria(TenantOwned, lambda cls: cls.tenant_id == tenant, include_aliases=True)
    state.statement = state.statement.options(info["belt"])


@telemetry.readiness_part("database")
def _database_answers() -> str | None:
    with in_public():
        session.execute(text("SELECT 1"))
    return None
