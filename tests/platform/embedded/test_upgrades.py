"""Migrations that move rows, over rows as an earlier release left them."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from tandem.embedded.roles import ROLES, DatabaseUrls, prepare_database, with_database
from tandem.embedded.schema import downgrade, upgrade
from tandem.kernel.ids import new_id

BEFORE = "g0921"
LINE = (
    "INSERT INTO bank_line (tenant_id, id, statement_id, account, identity, body_sha256, row, booked_on, amount_minor, "
    "currency, reference, bank_reference, counterparty) "
    "VALUES (%(t)s, %(line)s, %(t)s, 'x', %(line)s, '', 1, '2026-01-01', 300, 'CNY', '', '', '')"
)
PART = (
    "INSERT INTO bank_allocation (tenant_id, id, bank_line_id, line_minor, customer_id, invoice_id, amount_minor, "
    "taken_before_minor, taken_minor, follows_minor, rule, allocated_by, allocated_at) "
    "VALUES (%(t)s, gen_random_uuid(), %(line)s, 300, %(t)s, gen_random_uuid(), %(taken)s - %(before)s, %(before)s, "
    "%(taken)s, nullif(%(before)s, 0), 'manual', 'one hand', now())"
)


@pytest.fixture
def before(admin_url: str) -> Iterator[tuple[DatabaseUrls, str]]:
    """A database of an earlier release, and how the server's superuser gets in."""
    name = f"upgrades_{os.getpid()}"
    own = prepare_database(with_database(admin_url, name), dict.fromkeys(ROLES, "tests"))
    upgrade(own.owner, to=BEFORE)
    yield own, with_database(admin_url, name)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_one_hand_allocated_before_is_numbered_and_stays_as_it_was_done(
    before: tuple[DatabaseUrls, str],
) -> None:
    urls, superuser = before
    tenant, long, short = new_id(), new_id(), new_id()
    with psycopg.connect(superuser) as server:
        server.execute("SET session_replication_role = replica")
        for line, parts in ((long, [(0, 100), (100, 250), (250, 300)]), (short, [(0, 70)])):
            # Statements are not what is moved, and keys sleep while rows of before are written.
            server.execute(LINE, {"t": tenant, "line": line})
            for since, until in parts:
                server.execute(PART, {"t": tenant, "line": line, "before": since, "taken": until})

    upgrade(urls.owner, to="b1145")
    downgrade(urls.owner, BEFORE)
    upgrade(urls.owner, to="b1210")

    with psycopg.connect(superuser) as server:
        told = "SELECT place, follows_place, taken_minor, proposed_by FROM bank_allocation WHERE bank_line_id = %s "
        found = [server.execute(f"{told} ORDER BY place", [line]).fetchall() for line in (long, short)]
        asleep = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'bank_allocation'::regclass AND tgenabled = 'D'"
        sleeping = server.execute(asleep).fetchall()
    assert found == [[(1, None, 100, None), (2, 1, 250, None), (3, 2, 300, None)], [(1, None, 70, None)]]
    assert sleeping == [(0,)]
