"""Every address of the application, walked: who may enter, and that another organisation's ids are nobody's ids."""

import re
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask import Blueprint, Flask
from marshmallow import fields
from sqlalchemy import Engine, select

from tandem.kernel import http
from tandem.kernel.access import PUBLIC, SIGNED_IN, permissions_of, roles_of
from tandem.kernel.database import Base, Page, TenantOwned, rows
from tandem.kernel.errors import NotFound
from tandem.kernel.http.routes import ROUTES
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants
from tenants.hospitals.models import Department
from tests.architecture.twins import Twin, World, a_world
from tests.architecture.walker import Door, Walker, closed_doors, doors, text_of, told
from tests.architecture.walks import opened
from tests.people import a_key, a_person, a_place, signed_in

PLAIN = {
    "api-docs.openapi_json": "the API document, the same for everybody",
    "health.livez": "for load balancers",
    "health.readyz": "for load balancers; names parts, never tenants",
    "health.metrics": "counts without tenants; the proxy keeps it inside",
    "assets.asset": "files of the design, the same for everybody",
    "guide.docs": "the API's guide and reference",
    "guide.docs_with_a_slash": "leads to the guide",
    "problems.index": "every reason to say no, the same for everybody",
    "problems.problem": "one reason to say no, and the mend",
    "front.front": "the landing page: what runs here, and where the doors are",
    "layout.prefer": "a taste (light or dark) in a cookie; says nothing about who chose",
}
OUTSIDE = {"/webhooks/stripe": "the provider's door: its letters are signed"}
TARGETS = {"organization_id", "hospital_id", "employer_id"}
# What an operator's across route names is the operator's own to see.
ACROSS = {"job_id", "package_id", "day_close_id"}
SHARED = {"hospital_id", "service_id", "slot_id", "practitioner_id", "programme", "programme_id"}
# Addresses where a twin's own row is not to be read, and why.
NOT_READ = {
    "/sessions": "a key has no sessions",
    "/packages/<uuid:package_id>": "the catalogue is the platform's, twins have none",
    "/bank_lines/<uuid:bank_line_id>/allocations": "the operator's own bank tells of these, twins have none",
}


@pytest.fixture(scope="module")
def app(walked_app: Flask) -> Flask:
    return walked_app


@pytest.fixture(scope="module")
def world(app: Flask, engine: Engine) -> World:
    with app.app_context():
        return a_world(engine)


def walker(world: World, client, audience: str) -> Walker:
    """Somebody of the first twin, to whom the second is foreign."""
    pair = world.employers if audience == "employer" else world.hospitals
    return Walker(client, world.credentials[audience], pair[0].id, pair[1].id)


def owns(world: World, door: Door) -> dict[str, UUID]:
    """Ids of the first twins for every place of an address."""
    holder = world.employers if "employer_id" in door.ids or door.route.audience == "employer" else world.hospitals
    return {name: (world.programmes if name == "programme" else holder)[0].id for name in door.ids}


def clinical(twin: Twin) -> list[str]:
    """The canaries of tables on which the operator has no grant, and of people."""
    walled = {
        mapper.local_table.name: mapper.local_table
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, TenantOwned) and mapper.class_.__wall__.operator == "none"
    }
    walled["person"] = Base.metadata.tables["person"]
    return [twin.canary(name, column.name) for name, table in walled.items() for column in table.columns]


def undeclared(app: Flask) -> list[str]:
    """Addresses that say neither who may enter nor why everybody may."""
    return [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in app.extensions[ROUTES] and rule.endpoint not in PLAIN
    ]


def leaks_of_ids(app: Flask, world: World, client, audience: str) -> list[str]:
    """Where another organisation's id is told from a missing one."""
    walking = walker(world, client, audience)
    for door in closed_doors(app, audience):
        walking.try_every_id(door)
    return walking.found


def leaks_of_texts(app: Flask, world: World, client, audience: str, strings: list[str]) -> list[str]:
    """Where somebody of this audience is told one of these strings."""
    walking = walker(world, client, audience)
    for door in closed_doors(app, audience):
        if door.method == "GET":
            walking.look_for(door, strings, **owns(world, door))
    return walking.found


def test_every_address_says_who_may_enter(app):
    assert undeclared(app) == []


def test_plain_pages_bear_any_wish(app, client):
    odd = ("x", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "x" * 3_000, "'\"><script>", "心")
    broken = [
        f"{rule}: {answer.status_code}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint in PLAIN and "GET" in (rule.methods or ()) and rule.endpoint != "health.readyz"
        for each in odd
        for path in [re.sub(r"<[^>]*>", each, rule.rule)]
        if (answer := client.get(f"{path}?lang={each}&q={each}", headers={"Accept": "text/html"})).status_code >= 500
        or "<script>" in answer.get_data(as_text=True).replace("<script src=", "")
    ]

    assert broken == []


def test_every_permission_is_held_by_a_role_of_the_audience(app):
    unheld = [
        f"{door}: {door.route.allow}"
        for door in doors(app)
        if door.route.allow not in {PUBLIC, SIGNED_IN}
        and door.route.allow not in permissions_of(roles_of(door.route.audience), door.route.audience)
    ]

    assert unheld == []


def test_the_address_names_its_audience(app):
    misplaced = [
        str(door)
        for door in doors(app)
        if door.rule.rule not in OUTSIDE and not door.rule.rule.startswith(f"/api/{door.route.audience}/v1/")
    ]

    assert misplaced == []


def test_nobody_enters_without_a_credential(app, world, client):
    stranger = Walker(client, {}, world.hospitals[0].id, world.hospitals[1].id)

    entered = [
        f"{door}: {status}"
        for door in closed_doors(app)
        if (status := stranger.ask(door, **owns(world, door)).status_code) != 401
    ]

    assert entered == []


def test_a_credential_opens_no_other_audiences_door(app, world, client):
    entered = []
    for door in closed_doors(app):
        for audience in set(world.credentials) - {door.route.audience}:
            answer = walker(world, client, audience).ask(door, **owns(world, door))
            if answer.status_code != 401:
                entered.append(f"{door} with a credential of {audience}: {answer.status_code}")

    assert entered == []


@pytest.mark.parametrize("audience", ["operator", "hospital", "employer"])
def test_a_key_without_the_permission_is_refused(app, world, client, audience):
    tenant = {"operator": OPERATOR_ID, "hospital": world.hospitals[0].id, "employer": world.employers[0].id}[audience]
    powerless = replace(walker(world, client, audience), headers=a_key(tenant, audience))

    entered = [
        f"{door}: {answer.status_code}"
        for door in closed_doors(app, audience)
        if door.route.allow != SIGNED_IN
        and (answer := powerless.ask(door, **owns(world, door)))
        and (answer.status_code, answer.json.get("permission")) != (403, door.route.allow)
    ]

    assert entered == []


@pytest.mark.parametrize("audience", ["hospital", "employer", "patient"])
def test_another_organisations_ids_are_nobodys_ids(app, world, client, audience):
    assert leaks_of_ids(app, world, client, audience) == []


def test_a_programme_of_others_is_no_programme(app, world, client):
    walking = replace(walker(world, client, "patient"), foreign=world.programmes[1].id)
    for door in closed_doors(app, "patient"):
        walking.try_every_id(door)

    assert walking.found == []


def test_another_patient_of_the_same_hospital_is_nobody(app, world, client):
    hospital, neighbour = world.hospitals[0].id, a_person(name="周宁")
    a_place(neighbour, hospital, "patient")
    walking = Walker(client, signed_in(neighbour, "patient"), hospital, hospital)

    for door in closed_doors(app, "patient"):
        walking.try_every_id(door, but=SHARED)
        if door.method == "GET" and set(door.ids) <= SHARED:
            walking.look_for(door, clinical(world.hospitals[0]), **owns(world, door))

    assert walking.found == []


def test_the_operator_finds_no_hospitals_row_at_another_hospital(app, world, client):
    found = []
    for door in closed_doors(app, "operator"):
        pair = world.employers if "employer_id" in door.ids else world.hospitals
        walking = Walker(client, world.credentials["operator"], pair[0].id, pair[1].id)
        walking.try_every_id(door, but=TARGETS | ACROSS)
        found += walking.found

    assert found == []


def test_an_organisation_of_another_kind_is_missing(app, world, client):
    told_apart = []
    for door in closed_doors(app, "operator"):
        for name, others in (("hospital_id", world.employers), ("employer_id", world.hospitals)):
            if name in door.ids:
                walking = Walker(client, world.credentials["operator"], others[0].id, others[1].id)
                walking.try_every_id(door)
                told_apart += walking.found

    assert told_apart == []


@pytest.mark.parametrize("audience", ["hospital", "employer", "patient"])
def test_nothing_of_another_organisation_is_told(app, world, client, audience):
    others = [twin for twin in world.twins if twin not in (world.hospitals[0], world.employers[0])]
    strings = [each for twin in others for each in (twin.canary(), str(twin.id))]

    told_apart = leaks_of_texts(app, world, client, audience, strings)

    assert told_apart == []


def test_the_operator_is_told_nothing_clinical(app, world, client):
    strings = [each for twin in world.twins for each in clinical(twin)]

    assert leaks_of_texts(app, world, client, "operator", strings) == []


def test_the_public_is_told_nothing_walled(app, world, client):
    anybody = Walker(client, {}, world.hospitals[0].id, world.hospitals[1].id)
    for door in doors(app, "public"):
        if door.method == "GET":
            anybody.look_for(door, [each for twin in world.twins for each in clinical(twin)], **owns(world, door))

    assert anybody.found == []


@pytest.mark.parametrize("audience", ["hospital", "employer", "patient"])
def test_no_answer_changes_when_another_organisation_comes(app, world, client, engine, audience):
    walking = walker(world, client, audience)
    # Reading a patient's record leaves a trace in the trail.
    reads = [d for d in closed_doors(app, audience) if d.method == "GET" and not d.rule.rule.endswith("/audit_events")]

    def answers() -> dict[str, Any]:
        return {str(door): told(walking.ask(door, **owns(world, door)), walking.own) for door in reads}

    before = answers()
    Twin(engine, "employer" if audience == "employer" else "hospital").admit_patient(engine)

    assert answers() == before


@pytest.mark.parametrize("audience", ["operator", "hospital", "employer", "patient"])
def test_what_is_ones_own_is_there(app, world, client, audience):
    walking = walker(world, client, audience)

    missing = [
        f"{door}: {answer.status_code} {text_of(answer)[:200]}"
        for door in closed_doors(app, audience)
        if door.method == "GET"
        and not any(door.rule.rule.endswith(end) for end in NOT_READ)
        and (answer := walking.ask(door, **owns(world, door))).status_code != 200
    ]

    assert missing == []


class LeakSchema(http.Schema):
    id = fields.UUID()
    name = fields.String()


@pytest.fixture
def leaky(walked_settings, houses) -> Iterator[Flask]:
    """The same application with one address too many of each sort."""
    api = http.Api("leaks", audience="hospital", url_prefix="/leaks")
    departments = select(Department.id, Department.name)

    @api.get("", allow="departments.read", gives=LeakSchema, many=True)
    def list_all(query: dict[str, Any]) -> Page:
        with across_tenants(reason="a hole"):
            return Page(rows(departments), None)

    @api.get("/<uuid:department_id>", allow="departments.read", gives=LeakSchema)
    def read_any(department_id: UUID) -> Any:
        with across_tenants(reason="a hole"):
            found = rows(departments.where(Department.id == department_id))
        if not found:
            raise NotFound
        return found[0]

    bare = Blueprint("bare", __name__)
    bare.add_url_rule("/bare", "bare", lambda: "in")
    planted = SimpleNamespace(APIS=[api], BLUEPRINTS=[bare], SUBSCRIPTIONS={}, SCHEDULE=[])
    yield from opened(walked_settings, [*houses, planted])


def test_planted_leaks_are_found(app, leaky, world):
    strings = [world.hospitals[1].canary()]

    with leaky.app_context():
        ids = leaks_of_ids(leaky, world, leaky.test_client(), "hospital")
        texts = leaks_of_texts(leaky, world, leaky.test_client(), "hospital", strings)

    assert [leak.split(" with")[0] for leak in ids] == ["GET /api/hospital/v1/leaks/<uuid:department_id>"]
    assert [leak.split(":")[0] for leak in texts] == ["GET /api/hospital/v1/leaks"]
    assert undeclared(leaky) == [*undeclared(app), "/bare"]
