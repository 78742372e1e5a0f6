"""The outbox: news becomes jobs in the transaction of the fact, and Redis only hears of it after the commit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from rq.serializers import JSONSerializer
from sqlalchemy import update

from tandem.embedded.roles import DatabaseUrls
from tandem.kernel import doorbell, outbox, telemetry
from tandem.kernel.database import session
from tandem.kernel.jobs import JobRow, enqueue, job, measure_backlog, run_due, run_next, sweep
from tandem.kernel.jobs.turns import TURN_JOBS
from tandem.kernel.jobs.worker import TandemWorker, drain
from tandem.kernel.outbox import Event
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.kernel import counted_jobs as work
from tests.platform.kernel.stories import ask_for, counted, states

pytestmark = pytest.mark.usefixtures("app")


@dataclass(frozen=True)
class VisitFinished(Event):
    """A visit ended."""

    visit_id: UUID
    minutes: int


@job(queue="slow")
def bill_the_visit(visit_id: UUID) -> None:
    work.count_visit(visit_id)


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


@pytest.fixture(autouse=True)
def silent_bells(settings: Settings) -> Iterator[None]:
    """Begin and end without bells, with Redis as the settings say."""
    doorbell.configure(settings.redis_url)
    doorbell.flush()
    doorbell.connection().flushdb()
    yield
    doorbell.configure(settings.redis_url)
    doorbell.flush()
    doorbell.connection().flushdb()


def waiting_bells(queue: str = "fast") -> list[str]:
    doorbell.flush()
    return [str(bell.args[0]) for bell in doorbell.redis_queue(queue).get_jobs()]


def test_every_subscriber_gets_a_job_with_the_part_of_the_news_it_takes(hospital: UUID) -> None:
    outbox.subscribe({VisitFinished: [work.count_visit, bill_the_visit]})
    visit = uuid4()

    with acting_for(hospital), transaction():
        outbox.add(VisitFinished(visit, minutes=15))
    while run_next(hospital, "fast") or run_next(hospital, "slow"):
        continue

    assert counted(hospital) == {str(visit): 2}


def test_subscribing_again_changes_nothing() -> None:
    outbox.subscribe({VisitFinished: [work.count_visit, bill_the_visit]})
    before = outbox.subscribers(VisitFinished)

    outbox.subscribe({VisitFinished: [work.count_visit]})

    assert outbox.subscribers(VisitFinished) == before


def test_a_job_that_needs_more_than_the_news_tells_is_refused() -> None:
    @job(queue="fast")
    def refund(payment_id: UUID) -> None: ...

    with pytest.raises(TypeError, match="payment_id"):
        outbox.subscribe({VisitFinished: [refund]})


def test_no_bell_rings_before_the_commit_and_one_after_it(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        for _ in range(5):
            enqueue(work.count_visit, visit_id=uuid4())
        session.flush()
        before = waiting_bells()

    assert before == []
    assert waiting_bells() == [str(hospital)]


def test_a_rollback_rings_no_bell(hospital: UUID) -> None:
    with pytest.raises(RuntimeError), acting_for(hospital), transaction():
        enqueue(work.count_visit, visit_id=uuid4())
        raise RuntimeError

    assert waiting_bells() == []


def test_redis_down_fails_no_commit_and_the_sweeper_makes_up_for_it(hospital: UUID, settings: Settings) -> None:
    doorbell.configure("redis://127.0.0.1:1/0")
    visit = uuid4()

    ask_for(hospital, work.count_visit, visit_id=visit)
    doorbell.flush()
    doorbell.configure(settings.redis_url)
    lost = waiting_bells()
    _make_older(hospital)
    sweep()
    rung = waiting_bells()
    # This hospital's bell alone: the worker that answers all has its own stories, and others' work would be in its way.
    drain(str(hospital), "fast")

    assert str(hospital) not in lost
    assert str(hospital) in rung
    assert counted(hospital) == {str(visit): 1}


def test_an_emptied_redis_loses_nothing(hospital: UUID) -> None:
    ask_for(hospital, work.count_visit, visit_id=uuid4())
    doorbell.flush()

    doorbell.connection().flushdb()
    _make_older(hospital)
    sweep()

    assert str(hospital) in waiting_bells()


def test_the_sweeper_leaves_young_work_to_its_own_bell(hospital: UUID) -> None:
    ask_for(hospital, work.count_visit, visit_id=uuid4())
    doorbell.flush()
    doorbell.connection().flushdb()

    sweep()

    assert str(hospital) not in waiting_bells()


def test_a_tenant_with_much_work_lets_the_others_in_after_one_turn(app: Flask) -> None:
    busy, quiet = uuid4(), uuid4()
    doorbell.connection().flushdb()
    with acting_for(busy), transaction():
        for _ in range(120):
            enqueue(work.count_visit, visit_id=uuid4())
    doorbell.flush()
    ask_for(quiet, work.count_visit, visit_id=uuid4())
    doorbell.flush()
    queue = doorbell.redis_queue("fast")
    worker = TandemWorker([queue], connection=queue.connection, job_class=doorbell.Bells, serializer=JSONSerializer)

    worker.work(burst=True, max_jobs=2)

    assert states(quiet) == {"done": 1}
    # One turn: as many as it may hold, or as many as two seconds of a slow machine do.
    assert 1 <= states(busy)["done"] <= TURN_JOBS
    assert states(busy).total() == 120
    assert waiting_bells() == [str(busy)]


def test_only_the_doorbell_can_be_rung_through_redis() -> None:
    queue = doorbell.redis_queue("fast")
    planted = queue.enqueue_call("os.system", args=("touch /tmp/planted",), timeout=5)
    worker = TandemWorker([queue], connection=queue.connection, job_class=doorbell.Bells, serializer=JSONSerializer)

    worker.work(burst=True)

    assert planted.get_status(refresh=True) == "failed"


def test_a_planted_callback_is_not_called_either(hospital: UUID) -> None:
    queue = doorbell.redis_queue("fast")
    bell = queue.enqueue_call(doorbell.DRAIN, args=(str(hospital), "fast"), timeout=5)
    doorbell.connection().hset(bell.key, "success_callback_name", "os.getcwd")

    fetched = doorbell.Bells.fetch(bell.id, connection=queue.connection, serializer=JSONSerializer)

    assert fetched.success_callback is None


def test_a_process_alone_with_the_database_works_off_everything_due(
    hospital: UUID, database_urls: DatabaseUrls
) -> None:
    _put_other_stories_work_off(database_urls)
    outbox.subscribe({VisitFinished: [work.count_visit, bill_the_visit]})
    with acting_for(hospital), transaction():
        outbox.add(VisitFinished(uuid4(), minutes=1))

    run_due()

    assert set(states(hospital)) == {"done"}


def test_the_backlog_is_measured_by_queue_and_state(hospital: UUID) -> None:
    ask_for(hospital, bill_the_visit, visit_id=uuid4())
    _make_older(hospital)

    measure_backlog()

    page = telemetry.render_metrics()[0].decode()
    sample = next(line for line in page.splitlines() if line.startswith('tandem_oldest_due_job_seconds{queue="slow"}'))
    assert float(sample.split()[1]) >= 60


def _put_other_stories_work_off(urls: DatabaseUrls) -> None:
    """Alone we are not: other stories left jobs behind, some of which call a provider that no longer answers."""
    with psycopg.connect(urls.owner) as owner:
        owner.execute("UPDATE job SET run_at = run_at + interval '1 year' WHERE state = 'queued'")


def _make_older(tenant: UUID) -> None:
    with acting_for(tenant), transaction():
        session.execute(
            update(JobRow).where(JobRow.tenant_id == tenant).values(run_at=JobRow.run_at - timedelta(minutes=1))
        )
