"""The three roles and the database they share. Migrations decide what each may do with a table; this makes them exist.

`tandem_owner` owns the schema and migrates it. `tandem_app` serves one tenant at a time and `tandem_operator` looks
across tenants; neither may create anything nor step around row-level security.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tandem.embedded.errors import ServerRefused

OWNER, APP, OPERATOR = "tandem_owner", "tandem_app", "tandem_operator"
ROLES: Final = (OWNER, APP, OPERATOR)
VARIABLES: Final = {
    OWNER: "TANDEM_OWNER_DATABASE_URL",
    APP: "TANDEM_APP_DATABASE_URL",
    OPERATOR: "TANDEM_OPERATOR_DATABASE_URL",
}
DATABASE: Final = "tandem"
_POWERLESS: Final = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
_CONNECT_SECONDS: Final = 5


@dataclass(frozen=True)
class DatabaseUrls:
    """One URL for each role; all three lead to the same database."""

    owner: str = field(repr=False)
    app: str = field(repr=False)
    operator: str = field(repr=False)

    def as_dict(self) -> dict[str, str]:
        return {"owner": self.owner, "app": self.app, "operator": self.operator}


def database_urls(
    admin_url: str, passwords: Mapping[str, str], *, given: Mapping[str, str] | None = None
) -> DatabaseUrls:
    """How each role gets into the database of `admin_url`; a URL that was `given` for a role wins."""
    name, given = _database_named(admin_url), given or {}
    return DatabaseUrls(*(given.get(role) or with_user(admin_url, role, passwords[role], name) for role in ROLES))


def prepare_database(
    admin_url: str, passwords: Mapping[str, str], *, given: Mapping[str, str] | None = None
) -> DatabaseUrls:
    """Make the roles and the database exist, and return how each role gets in. Doing it again changes nothing.

    `admin_url` is a superuser's, a role's that may create roles, or the owner's own when an administrator has made
    the roles. `passwords` maps each of ROLES to the password it has or is to have; `given` maps roles whose URL an
    administrator told us to that URL.
    Raises ServerRefused with the SQL an administrator must run, when we may not run it ourselves.
    """
    name = _database_named(admin_url)
    urls = database_urls(admin_url, passwords, given=given)
    with _maintenance(admin_url, name) as admin:
        powers = _powers(admin)
        missing = [role for role in ROLES if not _exists(admin, "pg_roles", "rolname", role)]
        if not powers.create_roles:
            return _as_found(admin_url, urls, missing, name, owner_is_given=OWNER in (given or {}))
        for role in missing:
            _create_role(admin, role, passwords[role])
        if not powers.superuser:
            admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
        if not _exists(admin, "pg_database", "datname", name):
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(name), sql.Identifier(OWNER)
                )
            )
        for statement in _belongings(name):
            admin.execute(statement)
    with _connect(with_database(admin_url, name)) as admin:
        for statement in _schema_rights():
            admin.execute(statement)
    _refuse_strangers(urls, set(ROLES) - set(missing))
    return urls


def administrators_sql(database: str = DATABASE) -> list[str]:
    """What an administrator runs, once, where we are not allowed to; with passwords to be filled in."""
    roles = [f"CREATE ROLE {role} {_POWERLESS} PASSWORD '…';" for role in ROLES]
    return [
        *roles,
        f"CREATE DATABASE \"{database}\" OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0;",
        *(f"{statement.as_string()};" for statement in _belongings(database)),
        f'\\connect "{database}"',
        *(f"{statement.as_string()};" for statement in _schema_rights()),
    ]


def role_faults(url: str) -> list[str]:
    """What makes the role behind this URL too strong to be held by row-level security; empty when it is sane."""
    with _connect(url) as connection:
        row = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, has_schema_privilege('public', 'CREATE'),"
            " pg_has_role(current_user, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'MEMBER')"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if row is None:
        return ["the role does not exist"]
    told = ("is a superuser", "has BYPASSRLS", "may create roles", "may create tables", "is the database's owner")
    return [f"{row[0]} {fault}" for fault, found in zip(told, row[1:], strict=True) if found]


def with_user(url: str, user: str, password: str, database: str) -> str:
    """The same server through another role. Everything after `?`, such as sslmode, stays."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{place}"
    return urlunsplit(("postgresql", netloc, f"/{quote(database, safe='')}", parts.query, ""))


def with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql", path=f"/{quote(database, safe='')}"))


@dataclass(frozen=True)
class _Powers:
    superuser: bool
    create_roles: bool


def _powers(admin: psycopg.Connection) -> _Powers:
    row = admin.execute("SELECT rolsuper, rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    superuser, create_roles = row.fetchone() or (False, False)
    return _Powers(superuser, create_roles)


def _database_named(url: str) -> str:
    named = unquote(urlsplit(url).path.strip("/"))
    # `postgres` and the templates are for administration; tables of ours do not belong there.
    return DATABASE if named in ("", "postgres", "template1") else named


def _maintenance(admin_url: str, name: str) -> psycopg.Connection:
    """A connection to the database itself, or beside it while it does not exist yet."""
    try:
        return _connect(with_database(admin_url, name))
    except ServerRefused as refused:
        if "does not exist" not in str(refused):
            raise
        return _connect(with_database(admin_url, "postgres"))


def _connect(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        place = urlsplit(url)
        why = str(error).strip().splitlines()[0]
        raise ServerRefused(f"no entry to PostgreSQL at {place.hostname}:{place.port or 5432}: {why}") from None


def _exists(admin: psycopg.Connection, table: str, column: str, name: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(column))
    return admin.execute(query, [name]).fetchone() is not None


def _create_role(admin: psycopg.Connection, role: str, password: str) -> None:
    # Only the verifier travels, so that a password never stands in a server's log.
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(
        sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
            sql.Identifier(role), sql.SQL(_POWERLESS), sql.Literal(verifier)
        )
    )


def _belongings(database: str) -> Iterable[sql.Composed]:
    name, owner = sql.Identifier(database), sql.Identifier(OWNER)
    guests = sql.SQL(", ").join([sql.Identifier(APP), sql.Identifier(OPERATOR)])
    yield sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, owner)
    yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name)
    yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, guests)
    for guest in (APP, OPERATOR):
        # A process that died in mid-transaction must not hold its locks for ever.
        yield sql.SQL("ALTER ROLE {} IN DATABASE {} SET idle_in_transaction_session_timeout = '60s'").format(
            sql.Identifier(guest), name
        )


def _schema_rights() -> Iterable[sql.Composed]:
    yield sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(OWNER))
    yield sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC").format()
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}, {}").format(sql.Identifier(APP), sql.Identifier(OPERATOR))


def _as_found(
    admin_url: str, urls: DatabaseUrls, missing: list[str], database: str, *, owner_is_given: bool
) -> DatabaseUrls:
    """An owner's URL: nothing may be created, so the two guests must be there and let us in."""
    absent = [role for role in missing if role != OWNER]
    if absent:
        raise ServerRefused(
            f"{urlsplit(admin_url).username} may not create the roles {', '.join(absent)};"
            f" an administrator must run: {' '.join(administrators_sql(database))}"
        )
    owner = urls.owner if owner_is_given else with_database(admin_url, database)
    found = DatabaseUrls(owner, urls.app, urls.operator)
    _refuse_strangers(found, {APP, OPERATOR})
    return found


def _refuse_strangers(urls: DatabaseUrls, roles: set[str]) -> None:
    """A role that was there before us may belong to another installation; its password is not ours to change."""
    for role, url in ((OWNER, urls.owner), (APP, urls.app), (OPERATOR, urls.operator)):
        if role not in roles:
            continue
        try:
            _connect(url).close()
        except ServerRefused as refused:
            raise ServerRefused(
                f"{refused}. The role {role} was there already: give its URL as {VARIABLES[role]},"
                f" or ALTER ROLE {role} PASSWORD to the {role.removeprefix('tandem_')}_password in secrets.json"
            ) from None
