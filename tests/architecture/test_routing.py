"""Every statement of a tenant's request names its tenant, so that a cluster sends it to the one node with its rows.

The first test always runs. Those behind it need a cluster: TANDEM_CITUS_URL is a superuser's URL of a database that
`tandem db distribute` has placed (docs/guides/growth.md says how to make one).
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from tandem.billing.binary_arrays import BinaryArray
from tandem.embedded.distribution import distribute
from tandem.kernel.database import Base, TenantOwned, db, refusing_constraint
from tandem.kernel.tenancy import current_scope
from tests.people import once, signed_in
from tests.tenants.clinics import (
    Clinic,
    a_clinic,
    a_patient,
    as_clinic,
    check_real_name,
    money_arrives,
    slot_start,
    tomorrow,
)

CITUS = pytest.mark.skipif(
    "TANDEM_CITUS_URL" not in os.environ,
    reason="needs a Citus cluster: TANDEM_CITUS_URL is not set (docs/guides/growth.md)",
)
NOTE = {"complaint": "头晕三天", "findings": "血压 150/95", "advice": "低盐饮食，监测血压", "diagnosis_code": "I10.x00"}


@dataclass(frozen=True)
class Spoken:
    """One statement as the driver got it, and for which tenant."""

    sql: str
    values: Any
    tenant_id: UUID
    person_id: UUID | None

    @property
    def tables(self) -> set[str]:
        named = set(re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)", self.sql))
        owned = {m.class_.__tablename__ for m in Base.registry.mappers if issubclass(m.class_, TenantOwned)}
        return named & owned


@pytest.fixture
def visit(app: Flask, client: FlaskClient, at: Callable[[datetime], None], work: Callable[..., int]) -> list[Spoken]:
    """What was said to the database while a visit was found, booked, paid, delivered, metered and booked."""
    clinic = a_clinic()
    with listening() as spoken:
        lived(client, clinic, at)
        work(clinic.id)
    return [each for each in spoken if each.tables]


def test_every_statement_of_a_tenant_names_its_tenant(visit: list[Spoken]):
    unnamed = [each.sql for each in visit if not names_tenant(each.sql)]

    assert {"slot", "appointment", "payment", "encounter", "encounter_note", "usage_event", "entry", "job"} <= {
        table for each in visit for table in each.tables
    }
    assert unnamed == []


def test_a_statement_without_its_tenant_is_found():
    assert not names_tenant("SELECT slot.tenant_id, slot.id FROM slot WHERE slot.id = %(id)s")
    assert not names_tenant("UPDATE slot SET status = 'free' WHERE id = %(id)s")
    assert names_tenant("SELECT slot.id FROM slot WHERE slot.tenant_id = %(tenant)s::UUID")
    assert names_tenant("INSERT INTO slot (tenant_id, id) VALUES (%(tenant_id)s, %(id)s)")


@CITUS
def test_every_statement_of_a_tenant_goes_to_one_shard(visit: list[Spoken]):
    astray: dict[str, object] = {}
    with psycopg.connect(os.environ["TANDEM_CITUS_URL"], cursor_factory=psycopg.ClientCursor) as cluster:
        for each in visit:
            plan = explained(cluster, each)
            tasks, nodes = set(all_named("Task Count", plan)), set(all_named("Node", plan)) - {the_coordinator(cluster)}
            if tasks != {1} or len(nodes) != 1:
                astray[each.sql] = (tasks, nodes)

    assert astray == {}


@CITUS
def test_a_statement_that_goes_to_every_shard_is_found():
    with psycopg.connect(os.environ["TANDEM_CITUS_URL"], cursor_factory=psycopg.ClientCursor) as cluster:
        plan = explained(cluster, Spoken("SELECT count(*) FROM slot", {}, UUID(int=1), None))

    assert max(all_named("Task Count", plan)) > 1


@CITUS
def test_a_refusal_on_a_cluster_is_told_by_the_models_name():
    url = os.environ["TANDEM_CITUS_URL"].replace("postgresql://", "postgresql+psycopg://")
    row = text(
        "INSERT INTO audit_head (tenant_id, id, seq, hash) VALUES (gen_random_uuid(), gen_random_uuid(), 0, '')"
        " RETURNING tenant_id, id"
    )
    again = text("INSERT INTO audit_head (tenant_id, id, seq, hash) VALUES (:tenant_id, :id, 0, '')")

    with create_engine(url, poolclass=NullPool).connect() as cluster, pytest.raises(IntegrityError) as refused:
        cluster.execute(again, dict(cluster.execute(row).mappings().one()))

    assert refusing_constraint(refused.value) == "audit_head_pkey"


@CITUS
def test_a_cluster_that_was_placed_needs_nothing_more(app: Flask):
    assert distribute(os.environ["TANDEM_CITUS_URL"]) == []


def names_tenant(statement: str) -> bool:
    """Whether a routing key stands in it: a condition on tenant_id, or the tenant among the values inserted."""
    if re.match(r"INSERT INTO \w+ (?:AS \w+ )?\(tenant_id\b.*?\) (?:VALUES|SELECT %\()", statement, re.DOTALL):
        return True
    return re.search(r"\btenant_id = (?:%\(|ANY|\w+\.tenant_id)", statement) is not None


def explained(cluster: psycopg.Connection, each: Spoken) -> Any:
    """The cluster's plan of a statement, made for the role and the tenant that spoke it; nothing is run."""
    values = each.values[0] if isinstance(each.values, list) else each.values
    words = ["SET SESSION AUTHORIZATION tandem_app", "SET citus.propagate_set_commands = 'local'"]
    words.append(f"SET LOCAL app.tenant_id = '{each.tenant_id}'")
    words += [f"SET LOCAL app.person_id = '{each.person_id}'"] if each.person_id else []
    try:
        for word in words:
            cluster.execute(word)
        # Binary arrays cannot be written into the words; everything else can.
        is_binary = any(isinstance(value, BinaryArray) for value in values.values())
        cursor = psycopg.Cursor(cluster) if is_binary else cluster.cursor()
        row = cursor.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {each.sql}", values).fetchone()
        return row[0] if row else None
    finally:
        cluster.rollback()


def the_coordinator(cluster: psycopg.Connection) -> str:
    """How a plan calls the node that makes it: sessions and people are there, beside the tenant's one shard."""
    return f"host=localhost port={cluster.info.port} dbname={cluster.info.dbname}"


def all_named(name: str, plan: Any) -> list[Any]:
    """Every value of that name in a plan: of the statement itself and of what it is made of."""
    if isinstance(plan, list):
        return [found for each in plan for found in all_named(name, each)]
    if not isinstance(plan, dict):
        return []
    here = [plan[name]] if name in plan else []
    return here + [found for each in plan.values() for found in all_named(name, each)]


@contextmanager
def listening() -> Iterator[list[Spoken]]:
    """Hear every statement of a tenant's scope through the app's role."""
    spoken: list[Spoken] = []
    engine = db.engines[None]

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        scope = current_scope()
        if scope.tenant_id is not None:
            spoken.append(Spoken(statement, values, scope.tenant_id, scope.person_id))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield spoken
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def lived(client: FlaskClient, clinic: Clinic, at: Callable[[datetime], None]) -> None:
    """Hours are published; a patient looks for a time, books and pays; the doctor delivers and signs."""
    booker = a_patient(clinic, has_evidence=True)
    with as_clinic(clinic):
        tomorrow(clinic, opens="09:00", closes="10:00")
    mine = f"/api/patient/v1/hospitals/{clinic.id}"
    free = told(client.get(f"{mine}/services/{clinic.service_id}/slots", headers=booker.headers))["data"]
    wish = {"slot_id": free[0]["id"], "accepts_advice_only": True}
    held = told(client.post(f"{mine}/appointments", json=wish, headers=booker.headers | once()))
    pay = client.post(
        f"{mine}/appointments/{held['id']}/payments", json={"method": "alipay"}, headers=booker.headers | once()
    )
    money_arrives(clinic, UUID(told(pay)["id"]))
    at(slot_start(clinic, UUID(free[0]["id"])))
    check_real_name(clinic)
    clinic = replace(clinic, doctor=signed_in(clinic.doctor_id, "hospital", clinic.id))
    encounters = "/api/hospital/v1/encounters"
    opened = client.post(encounters, json={"appointment_id": held["id"]}, headers=clinic.doctor | once())
    here = f"{encounters}/{told(opened)['id']}"
    told(client.post(f"{here}/start", headers=clinic.doctor | once()))
    told(client.put(f"{here}/note", json=NOTE, headers=clinic.doctor))
    told(client.post(f"{here}/completion", headers=clinic.doctor | once()))
    told(client.post(f"{here}/signature", headers=clinic.doctor | once()))
    booker = replace(booker, headers=signed_in(booker.person_id, "patient"))
    assert told(client.get(f"{mine}/records", headers=booker.headers))["data"]


def told(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.json
    body: dict[str, Any] = answer.json
    return body
