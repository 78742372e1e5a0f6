"""The audit trail: written with the decision, chained per tenant, and any meddling named by its first broken row."""

import json
import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from tandem.embedded.roles import DatabaseUrls, with_database
from tandem.kernel import audit, identity, telemetry
from tandem.kernel.audit import AuditEvent, Broken, Verdict
from tandem.kernel.audit.models import AuditPending, AuditSeal
from tandem.kernel.database import session
from tandem.kernel.identity import Actor
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import NoTenantChosen, across_tenants, acting_for, in_public, transaction

pytestmark = pytest.mark.usefixtures("app")
Meddle = Callable[[str, UUID], None]


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


@pytest.fixture
def meddle(admin_url: str, database_urls: DatabaseUrls) -> Meddle:
    """Somebody with the superuser's power who also knows how to silence triggers."""
    url = with_database(admin_url, database_urls.owner.rpartition("/")[2])

    def change(statement: str, tenant: UUID) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(sql.SQL(statement), {"tenant": tenant})  # type: ignore[arg-type]  # a test's own text

    return change


def decide(tenant: UUID, times: int = 5) -> list[UUID]:
    """Some decisions of a hospital, recorded and sealed; their events in the chain's order."""
    with acting_for(tenant), transaction():
        for number in range(times):
            audit.record(action="hospital.approved", object_type="organization", object_id=str(number))
    with acting_for(tenant), transaction():
        audit.seal_tenant()
        return list(session.scalars(select(AuditSeal.id).order_by(AuditSeal.seq)))


def judged(tenant: UUID) -> Verdict:
    with acting_for(tenant):
        return audit.verify()


def test_an_event_says_who_did_what_to_which_and_why(hospital: UUID) -> None:
    staff = uuid4()
    identity.act_as(Actor("person", staff, "operator"))

    with telemetry.bound(request_id="req-1"), acting_for(hospital), transaction():
        audit.record(
            action="hospital.suspended", object_type="organization", object_id=hospital, details={"because": "licence"}
        )

    identity.act_as(identity.NOBODY)
    with acting_for(hospital):
        event = session.scalars(select(AuditEvent)).one()
    assert (event.actor, event.action, event.object_id) == (f"person:{staff}", "hospital.suspended", str(hospital))
    assert (event.request_id, event.details) == ("req-1", {"because": "licence"})


def test_a_decision_rolled_back_was_never_recorded(hospital: UUID) -> None:
    with pytest.raises(RuntimeError), acting_for(hospital), transaction():
        audit.record(action="a.b", object_type="x", object_id="1")
        raise RuntimeError

    assert judged(hospital) == Verdict(hospital, 0, 0, 0, None)


def test_people_are_blanked_out_of_details(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        audit.record(
            action="a.b", object_type="x", object_id="1", details={"because": "called 13812345678", "name": "李明"}
        )

    with acting_for(hospital):
        details = session.scalars(select(AuditEvent.details)).one()
    assert details == {"because": "called [redacted]", "name": "[redacted]"}


def test_without_a_tenant_there_is_no_trail() -> None:
    with in_public(), pytest.raises(NoTenantChosen):
        audit.record(action="a.b", object_type="x", object_id="1")


@pytest.mark.parametrize("operator", [False, True])
def test_neither_role_can_change_or_remove_an_event(hospital: UUID, operator: bool) -> None:
    decide(hospital)

    for statement in (update(AuditEvent.__table__).values(action="x"), delete(AuditEvent.__table__)):
        with acting_for(hospital, operator=operator), pytest.raises(DBAPIError, match="permission denied"):
            session.execute(statement)


def test_not_even_the_owner_can_change_a_sealed_event_quietly(hospital: UUID, database_urls: DatabaseUrls) -> None:
    decide(hospital)

    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.Error, match="append-only"):
        owner.execute("UPDATE audit_event SET action = 'x' WHERE tenant_id = %s", [hospital])


def test_an_untouched_trail_stands(hospital: UUID) -> None:
    decide(hospital, 7)
    with acting_for(hospital), transaction():
        audit.record(action="a.b", object_type="x", object_id="1")

    assert judged(hospital) == Verdict(hospital, 7, 1, 0, None)


def test_links_are_numbered_without_a_gap_whoever_seals(app: Flask, hospital: UUID) -> None:
    def decide_and_seal() -> None:
        with app.app_context():
            for number in range(10):
                with acting_for(hospital), transaction():
                    audit.record(action="a.b", object_type="x", object_id=str(number))
                with acting_for(hospital), transaction():
                    audit.seal_tenant(3)

    sealers = [threading.Thread(target=decide_and_seal) for _ in range(4)]
    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join()
    audit.seal_pending()

    assert judged(hospital) == Verdict(hospital, 40, 0, 0, None)


def test_the_sealer_finds_the_tenants_that_wait() -> None:
    tenants = [uuid4() for _ in range(3)]
    for tenant in tenants:
        with acting_for(tenant), transaction():
            audit.record(action="a.b", object_type="x", object_id="1")

    # Five hundred tenants a round, and other stories left theirs waiting.
    while audit.seal_pending():
        pass

    with across_tenants(reason="test"):
        waiting = set(session.scalars(select(AuditPending.tenant_id)))
    assert waiting.isdisjoint(tenants)


MEDDLING = {
    "altered": "UPDATE audit_event SET actor = 'person:somebody-else' WHERE {third}",
    "deleted": "DELETE FROM audit_event WHERE {third}",
    "inserted": "INSERT INTO audit_event SELECT tenant_id, gen_random_uuid(), at, actor, action, object_type, object_id,"
    " details, request_id, job_id FROM audit_event WHERE {third}",
    "reordered": "UPDATE audit_seal s SET id = o.id FROM audit_seal o WHERE s.tenant_id = %(tenant)s AND"
    " o.tenant_id = %(tenant)s AND (s.seq, o.seq) IN ((3, 4), (4, 3))",
    "truncated": "DELETE FROM audit_seal WHERE tenant_id = %(tenant)s AND seq = 5;"
    " DELETE FROM audit_event WHERE tenant_id = %(tenant)s AND object_id = '4'",
}
THIRD = "tenant_id = %(tenant)s AND object_id = '2'"


@pytest.mark.parametrize("how", MEDDLING)
def test_meddling_is_named_by_the_first_row_it_broke(how: str, hospital: UUID, meddle: Meddle) -> None:
    events = decide(hospital)

    for statement in MEDDLING[how].replace("{third}", THIRD).split(";"):
        if how == "reordered":
            meddle("ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_pkey", hospital)
        meddle(statement, hospital)
        if how == "reordered":
            meddle("ALTER TABLE audit_seal ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (tenant_id, id)", hospital)

    broken = judged(hospital).broken
    assert broken is not None
    assert broken.how == how
    if how in {"altered", "deleted"}:
        assert broken == Broken(how, 3, events[2])


def test_a_deleted_link_is_missed(hospital: UUID, meddle: Meddle) -> None:
    decide(hospital)

    meddle("DELETE FROM audit_seal WHERE tenant_id = %(tenant)s AND seq = 2", hospital)

    assert judged(hospital).broken == Broken("deleted", 2, None)


def test_a_chain_rewritten_after_a_checkpoint_is_seen(hospital: UUID, meddle: Meddle) -> None:
    decide(hospital)
    with acting_for(hospital), transaction():
        audit.sign_checkpoint()
    before = judged(hospital)

    meddle("UPDATE audit_event SET actor = 'worker' WHERE " + THIRD, hospital)
    _reseal_everything(hospital, meddle)

    assert (before.checkpoints, before.broken) == (1, None)
    assert judged(hospital).broken == Broken("forged", 5, decide(hospital, 0)[4])


def test_a_checkpoint_signed_by_somebody_else_is_seen(hospital: UUID, settings: Settings) -> None:
    decide(hospital)
    audit.configure(b"somebody else's thirty-two bytes")
    with acting_for(hospital), transaction():
        audit.sign_checkpoint()
    audit.configure(settings.audit_key)

    broken = judged(hospital).broken

    assert broken is not None
    assert broken.how == "forged"


def test_a_trail_cut_below_its_checkpoint_is_seen(hospital: UUID, meddle: Meddle) -> None:
    decide(hospital)
    with acting_for(hospital), transaction():
        audit.sign_checkpoint()

    meddle("DELETE FROM audit_seal WHERE tenant_id = %(tenant)s", hospital)
    meddle("DELETE FROM audit_event WHERE tenant_id = %(tenant)s", hospital)
    meddle("DELETE FROM audit_head WHERE tenant_id = %(tenant)s", hospital)

    assert judged(hospital).broken == Broken("truncated", 1, None)


def test_the_chain_can_be_recomputed_from_an_export(hospital: UUID) -> None:
    decide(hospital, 1)

    with acting_for(hospital):
        event = session.execute(select(AuditEvent.__table__)).mappings().one()
        seal = session.scalars(select(AuditSeal)).one()

    assert seal.hash == audit.link_hash(bytes(32), json.loads(json.dumps(dict(event), default=_exported)))


def _exported(value: object) -> str:
    return value.isoformat(timespec="microseconds") if hasattr(value, "isoformat") else str(value)


def _reseal_everything(tenant: UUID, meddle: Meddle) -> None:
    """What a thief with the database, but without the signing key, would do to hide a change."""
    for table in ("audit_seal", "audit_head"):
        meddle(f"DELETE FROM {table} WHERE tenant_id = %(tenant)s", tenant)
    meddle("INSERT INTO audit_pending SELECT tenant_id, id FROM audit_event WHERE tenant_id = %(tenant)s", tenant)
    with acting_for(tenant), transaction():
        audit.seal_tenant()
