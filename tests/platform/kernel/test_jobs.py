"""Jobs: asked for with their cause, done once with their effect, tried again, and given up in the open."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, update

from tandem.kernel import clock, identity
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound, TransitionRefused
from tandem.kernel.jobs import (
    JobRow,
    NotAnId,
    dead,
    enqueue,
    job,
    recover_lapsed,
    replay,
    run_next,
)
from tandem.kernel.jobs.purging import purge_finished
from tandem.kernel.tenancy import across_tenants, acting_for, transaction
from tests.platform.kernel import counted_jobs as work
from tests.platform.kernel.stories import ask_for, counted, job_row, states

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


def test_a_job_is_done_once_and_says_so(hospital: UUID) -> None:
    visit = uuid4()
    job_id = ask_for(hospital, work.count_visit, visit_id=visit)

    ran = [run_next(hospital, "fast"), run_next(hospital, "fast")]

    assert ran == [True, False]
    assert counted(hospital) == {str(visit): 1}
    assert job_row(hospital, job_id).state == "done"


def test_a_job_whose_cause_was_rolled_back_never_existed(hospital: UUID) -> None:
    with pytest.raises(RuntimeError), acting_for(hospital), transaction():
        enqueue(work.count_visit, visit_id=uuid4())
        raise RuntimeError

    assert states(hospital) == {}


def test_another_tenants_job_is_not_ours_to_run(hospital: UUID) -> None:
    ask_for(hospital, work.count_visit, visit_id=uuid4())

    assert not run_next(uuid4(), "fast")


def test_the_same_key_asks_once(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        answers = [enqueue(work.count_visit, key="visit-7", visit_id=uuid4()) for _ in range(3)]

    assert [answer is not None for answer in answers] == [True, False, False]
    assert states(hospital) == {"queued": 1}


def test_a_job_for_tomorrow_waits_for_tomorrow(hospital: UUID, at: Callable[[datetime], None]) -> None:
    ask_for(hospital, work.count_visit, visit_id=uuid4(), at=clock.now() + timedelta(days=1))

    today = run_next(hospital, "fast")
    at(clock.now() + timedelta(days=1, seconds=1))
    tomorrow = run_next(hospital, "fast")

    assert (today, tomorrow) == (False, True)


@pytest.mark.parametrize("value", ["张三", "13812345678", "+8613812345678", "44010119900101123X", "a b", "x" * 81])
def test_words_and_peoples_numbers_are_no_arguments(hospital: UUID, value: str) -> None:
    @job(queue="fast")
    def note(word: str) -> None: ...

    with acting_for(hospital), pytest.raises(NotAnId):
        enqueue(note, word=value)


@pytest.mark.parametrize("args", [{}, {"visit_id": "7"}, {"visit_id": None}, {"visit": uuid4()}])
def test_wrong_missing_and_unknown_arguments_are_refused(hospital: UUID, args: dict[str, object]) -> None:
    with acting_for(hospital), pytest.raises(NotAnId):
        enqueue(work.count_visit, **args)


def test_a_job_that_wants_more_than_ids_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="ids only"):

        @job(queue="fast")
        def tell(names: list[str]) -> None: ...


def test_a_failing_job_is_tried_again_later_then_given_up(hospital: UUID, at: Callable[[datetime], None]) -> None:
    job_id = ask_for(hospital, work.lose_the_file, visit_id=uuid4())
    start = clock.now()

    run_next(hospital, "fast")
    first = job_row(hospital, job_id)
    at_once = run_next(hospital, "fast")
    for hours in (1, 2):
        at(start + timedelta(hours=hours))
        run_next(hospital, "fast")
    last = job_row(hospital, job_id)

    assert (first.state, first.attempts, at_once) == ("queued", 1, False)
    assert start < first.run_at <= start + timedelta(seconds=5)
    assert (last.state, last.attempts) == ("dead", 3)
    assert counted(hospital) == {}


def test_a_failure_keeps_its_class_and_no_word_of_its_message(hospital: UUID) -> None:
    job_id = ask_for(hospital, work.lose_the_file, visit_id=uuid4())

    run_next(hospital, "fast")

    assert job_row(hospital, job_id).error == "LookupError"


def test_a_job_that_asks_for_later_has_not_failed(hospital: UUID, at: Callable[[datetime], None]) -> None:
    job_id = ask_for(hospital, work.wait_for_the_result, visit_id=uuid4())
    start = clock.now()

    for minutes in range(5):
        at(start + timedelta(minutes=2 * minutes))
        run_next(hospital, "fast")

    row = job_row(hospital, job_id)
    assert (row.state, row.attempts, row.error) == ("queued", 0, None)
    assert counted(hospital) == {}


def test_a_job_that_never_ends_is_cut_off(hospital: UUID) -> None:
    job_id = ask_for(hospital, work.never_end, visit_id=uuid4())

    run_next(hospital, "slow")

    assert job_row(hospital, job_id).error == "JobTimeoutException"
    assert counted(hospital) == {}


def test_a_job_this_release_does_not_know_is_kept_for_a_person(hospital: UUID) -> None:
    job_id = ask_for(hospital, work.count_visit, visit_id=uuid4())
    with acting_for(hospital), transaction():
        session.execute(update(JobRow).values(name="gone.job", max_attempts=1))

    run_next(hospital, "fast")

    row = job_row(hospital, job_id)
    assert (row.state, row.error) == ("dead", "UnknownJob")


def test_a_worker_acts_as_a_worker_and_hands_the_caller_back(hospital: UUID) -> None:
    seen: list[str] = []

    @job(queue="fast")
    def look(visit_id: UUID) -> None:
        seen.append(identity.current_actor().kind)

    ask_for(hospital, look, visit_id=uuid4())

    run_next(hospital, "fast")

    assert seen == ["worker"]
    assert identity.current_actor() is identity.NOBODY


def test_a_job_for_the_outside_commits_step_by_step(hospital: UUID) -> None:
    visit = uuid4()
    job_id = ask_for(hospital, work.count_in_two_steps, visit_id=visit)

    run_next(hospital, "slow")

    assert counted(hospital, "visit.intended") == counted(hospital) == {str(visit): 1}
    assert job_row(hospital, job_id).state == "done"


def test_an_overtaken_worker_leaves_nothing_behind(hospital: UUID) -> None:
    visit = uuid4()

    @job(queue="fast")
    def be_overtaken(visit_id: UUID) -> None:
        work.count_visit(visit_id)
        with acting_for(hospital), transaction():  # meanwhile the lease lapses and another worker claims the job
            session.execute(update(JobRow).where(JobRow.tenant_id == hospital).values(lease_token=uuid4()))

    job_id = ask_for(hospital, be_overtaken, visit_id=visit)

    run_next(hospital, "fast")

    assert counted(hospital) == {}
    assert job_row(hospital, job_id).state == "running"


def test_a_dead_workers_job_is_taken_up_when_its_lease_lapses(hospital: UUID) -> None:
    visit = uuid4()
    ask_for(hospital, work.count_visit, visit_id=visit)
    _claimed_by_a_worker_that_died(hospital, seconds_ago=1)

    recovered = recover_lapsed(hospital, "fast")
    run_next(hospital, "fast")

    assert recovered == 1
    assert counted(hospital) == {str(visit): 1}


def test_a_job_that_kills_its_worker_every_time_is_given_up(hospital: UUID) -> None:
    job_id = ask_for(hospital, work.count_visit, visit_id=uuid4())
    _claimed_by_a_worker_that_died(hospital, seconds_ago=1, attempts=3)

    recover_lapsed(hospital, "fast")

    row = job_row(hospital, job_id)
    assert (row.state, row.error) == ("dead", "WorkerLost")


def test_moving_the_business_clock_lapses_no_lease(hospital: UUID, at: Callable[[datetime], None]) -> None:
    ask_for(hospital, work.count_visit, visit_id=uuid4())
    _claimed_by_a_worker_that_died(hospital, seconds_ago=-20)

    at(datetime.now(UTC) + timedelta(days=30))

    assert recover_lapsed(hospital, "fast") == 0


def test_many_workers_share_one_tenants_jobs_without_doing_one_twice(app: Flask, hospital: UUID) -> None:
    visits = [uuid4() for _ in range(120)]
    with acting_for(hospital), transaction():
        for visit in visits:
            enqueue(work.count_visit, visit_id=visit)

    def work_all() -> None:
        with app.app_context():
            while run_next(hospital, "fast"):
                continue

    workers = [threading.Thread(target=work_all) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert counted(hospital) == dict.fromkeys(map(str, visits), 1)
    assert states(hospital) == {"done": 120}


def test_the_operator_sees_dead_letters_of_all_tenants_and_replays_one(
    hospital: UUID, at: Callable[[datetime], None]
) -> None:
    job_id = ask_for(hospital, work.lose_the_file, visit_id=uuid4())
    for hours in range(3):
        at(datetime.now(UTC) + timedelta(hours=hours))
        run_next(hospital, "fast")

    with across_tenants(reason="test"), transaction():
        listed = {row["id"] for row in dead(limit=100).rows}
        replay(job_id)

    row = job_row(hospital, job_id)
    assert job_id in listed
    assert (row.state, row.attempts, row.error) == ("queued", 0, None)
    assert counted(hospital, "job.replayed") == {str(job_id): 1}


def test_only_a_dead_job_of_the_scope_can_be_replayed(hospital: UUID) -> None:
    job_id = ask_for(hospital, work.count_visit, visit_id=uuid4())

    with acting_for(hospital), pytest.raises(TransitionRefused):
        replay(job_id)
    with acting_for(uuid4()), pytest.raises(NotFound):
        replay(job_id)


def test_done_jobs_are_dropped_after_a_week_and_keyed_ones_after_a_year(
    hospital: UUID, at: Callable[[datetime], None]
) -> None:
    ask_for(hospital, work.count_visit, visit_id=uuid4())
    ask_for(hospital, work.count_visit, visit_id=uuid4(), key="once")
    while run_next(hospital, "fast"):
        continue

    gone = []
    for days in (6, 8, 399, 402):
        at(datetime.now(UTC) + timedelta(days=days))
        with acting_for(hospital), transaction():
            gone.append(purge_finished())

    assert gone == [0, 1, 0, 1]


def _claimed_by_a_worker_that_died(tenant: UUID, *, seconds_ago: float, attempts: int = 1) -> None:
    lapsed = func.clock_timestamp() - timedelta(seconds=seconds_ago)
    with acting_for(tenant), transaction():
        session.execute(
            update(JobRow)
            .where(JobRow.tenant_id == tenant)
            .values(state="running", lease_token=uuid4(), lease_until=lapsed, attempts=attempts)
        )
