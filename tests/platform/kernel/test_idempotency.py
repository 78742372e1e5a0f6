"""Idempotency keys: the same request again gets the first answer, and its effect happens once."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tandem.kernel import audit, idempotency
from tandem.kernel.database import session
from tandem.kernel.errors import IdempotencyKeyReused, StillRunning
from tandem.kernel.idempotency import IdempotencyKey, PersonIdempotencyKey, Replay
from tandem.kernel.tenancy import NoTenantChosen, across_tenants, acting_for, as_person, in_public, transaction
from tests.platform.kernel.stories import counted

pytestmark = pytest.mark.usefixtures("app")
BODY, OTHER = b"a" * 32, b"b" * 32
ANSWER = '{"name": "李明"}'.encode()


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


@pytest.fixture
def actor() -> UUID:
    return uuid4()


def book(key: str, actor: UUID, body: bytes = BODY, route: str = "POST /appointments") -> Replay | None:
    """One request at the edge: take the key, do the work, keep the answer."""
    replay = idempotency.begin(route, key, body, actor_id=actor)
    if replay is None:
        idempotency.finish(201, ANSWER)
    return replay


def test_the_second_request_gets_the_first_answer(hospital: UUID, actor: UUID) -> None:
    with acting_for(hospital), transaction():
        first = book("k1", actor)
    with acting_for(hospital), transaction():
        second = book("k1", actor)

    assert first is None
    assert second == Replay(201, ANSWER)


def test_another_body_under_the_same_key_is_refused(hospital: UUID, actor: UUID) -> None:
    with acting_for(hospital), transaction():
        book("k1", actor)

    with acting_for(hospital), pytest.raises(IdempotencyKeyReused):
        book("k1", actor, OTHER)


def test_a_refused_request_leaves_its_key_free(hospital: UUID, actor: UUID) -> None:
    with pytest.raises(RuntimeError), acting_for(hospital), transaction():
        idempotency.begin("POST /appointments", "k1", BODY, actor_id=actor)
        raise RuntimeError

    with acting_for(hospital), transaction():
        assert book("k1", actor, OTHER) is None


@pytest.mark.parametrize("differs", ["actor", "route", "tenant"])
def test_a_key_belongs_to_one_actor_one_route_one_tenant(hospital: UUID, actor: UUID, differs: str) -> None:
    with acting_for(hospital), transaction():
        book("k1", actor)

    with acting_for(uuid4() if differs == "tenant" else hospital), transaction():
        other = uuid4() if differs == "actor" else actor
        assert book("k1", other, route="POST /refunds" if differs == "route" else "POST /appointments") is None


def test_answers_are_not_readable_in_the_database(hospital: UUID, actor: UUID) -> None:
    with acting_for(hospital), transaction():
        book("k1", actor)

    with acting_for(hospital):
        stored = session.scalars(select(IdempotencyKey.body)).one()

    assert stored is not None
    assert "李明".encode() not in stored


def test_the_operator_cannot_read_a_hospitals_answers(hospital: UUID, actor: UUID) -> None:
    with acting_for(hospital), transaction():
        book("k1", actor)

    with across_tenants(reason="test"):
        seen = session.scalars(select(IdempotencyKey.id).where(IdempotencyKey.tenant_id == hospital)).all()
    with acting_for(hospital, operator=True):
        seen += session.scalars(select(IdempotencyKey.id)).all()

    assert seen == []


def operator_scopes() -> list[Callable[[UUID], AbstractContextManager[object]]]:
    return [lambda tenant: acting_for(tenant, operator=True), lambda _tenant: across_tenants(reason="test")]


@pytest.mark.parametrize("scope", operator_scopes())
def test_the_operators_people_have_keys_too(
    scope: Callable[[UUID], AbstractContextManager[object]], hospital: UUID, actor: UUID
) -> None:
    with scope(hospital), transaction():
        first = book("k1", actor)
    with scope(hospital), transaction():
        second = book("k1", actor)

    assert (first, second) == (None, Replay(201, ANSWER))


def test_a_person_has_keys_outside_any_organisation(actor: UUID) -> None:
    with as_person(actor), transaction():
        first = book("k1", actor)
    with as_person(actor), transaction():
        second = book("k1", actor)
    with as_person(uuid4()):
        others = session.scalars(select(PersonIdempotencyKey.id)).all()

    assert (first, second) == (None, Replay(201, ANSWER))
    assert others == []


def test_nobody_in_particular_has_no_keys(actor: UUID) -> None:
    with in_public(), pytest.raises(NoTenantChosen):
        book("k1", actor)


def test_a_request_still_running_is_said_to_be(app: Flask, hospital: UUID, actor: UUID) -> None:
    with _request_in_hand(app, hospital, actor), acting_for(hospital), pytest.raises(StillRunning):
        book("k1", actor)


def test_of_racing_requests_one_happens_and_the_others_see_its_answer(app: Flask, hospital: UUID, actor: UUID) -> None:
    answers: list[Replay | None] = []

    def request() -> None:
        with app.app_context(), acting_for(hospital), transaction():
            replay = idempotency.begin("POST /appointments", "k1", BODY, actor_id=actor)
            if replay is None:
                audit.record(action="visit.counted", object_type="visit", object_id="v")
                idempotency.finish(201, ANSWER)
        answers.append(replay)

    racers = [threading.Thread(target=request) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    assert answers.count(None) == 1
    assert answers.count(Replay(201, ANSWER)) == 7
    assert counted(hospital) == {"v": 1}


def test_keys_are_forgotten_after_two_days(hospital: UUID, actor: UUID, at: Callable[[datetime], None]) -> None:
    with acting_for(hospital), transaction():
        book("k1", actor)

    forgotten = []
    for hours in (47, 49):
        at(datetime.now(UTC) + timedelta(hours=hours))
        with acting_for(hospital), transaction():
            forgotten.append(idempotency.forget_old())

    assert forgotten == [0, 1]


def test_a_persons_old_keys_go_when_a_new_one_comes(actor: UUID, at: Callable[[datetime], None]) -> None:
    with as_person(actor), transaction():
        book("k1", actor)
    at(datetime.now(UTC) + timedelta(days=3))

    with as_person(actor), transaction():
        book("k2", actor)

    with as_person(actor):
        assert len(session.scalars(select(PersonIdempotencyKey.id)).all()) == 1


class _request_in_hand:  # noqa: N801  # reads as the context it is
    """Another thread that has taken the key and not yet committed."""

    def __init__(self, app: Flask, tenant: UUID, actor: UUID) -> None:
        self._taken, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(app, tenant, actor))

    def _hold(self, app: Flask, tenant: UUID, actor: UUID) -> None:
        with app.app_context(), acting_for(tenant), transaction():
            idempotency.begin("POST /appointments", "k1", BODY, actor_id=actor)
            self._taken.set()
            self._end.wait(10)
            idempotency.finish(201, ANSWER)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._taken.wait(5)

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
