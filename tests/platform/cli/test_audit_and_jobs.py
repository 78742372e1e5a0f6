"""`tandem audit verify` and `tandem jobs`: what an operator's administrator sees at the command line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import select

from tandem.embedded.roles import DatabaseUrls, with_database
from tandem.kernel import audit
from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import session
from tandem.kernel.jobs import run_next
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.cli.conftest import Tandem
from tests.platform.kernel import counted_jobs as work
from tests.platform.kernel.stories import ask_for, job_row

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


def test_an_intact_trail_is_said_to_be_intact(hospital: UUID, tandem: Tandem) -> None:
    _decide(hospital)

    answer = tandem("audit", "verify", "--tenant", str(hospital))

    assert answer.exit_code == 0, answer.stderr
    assert "intact" in answer.stdout


def test_an_altered_event_is_named_and_fails_the_command(
    hospital: UUID, tandem: Tandem, admin_url: str, database_urls: DatabaseUrls
) -> None:
    event = _decide(hospital)
    with psycopg.connect(with_database(admin_url, database_urls.owner.rpartition("/")[2])) as thief:
        thief.execute("SET session_replication_role = replica")
        thief.execute("UPDATE audit_event SET actor = 'worker' WHERE tenant_id = %s", [hospital])

    answer = tandem("audit", "verify", "--json")

    verdict = next(each for each in json.loads(answer.stdout)["verdicts"] if each["tenant_id"] == str(hospital))
    assert answer.exit_code == 1
    assert verdict["broken"] == {"how": "altered", "seq": 1, "audit_id": str(event)}


def test_a_dead_job_is_listed_and_replayed(hospital: UUID, tandem: Tandem, at: Callable[[datetime], None]) -> None:
    job_id = ask_for(hospital, work.lose_the_file, visit_id=uuid4())
    for hours in range(3):
        at(datetime.now(UTC) + timedelta(hours=hours))
        run_next(hospital, "fast")

    listed = json.loads(tandem("jobs", "dead", "--json").stdout)["data"]
    dry = tandem("jobs", "replay", "--dry-run", str(job_id))
    still = job_row(hospital, job_id).state
    replayed = tandem("jobs", "replay", str(job_id))

    assert str(job_id) in {row["id"] for row in listed}
    assert (dry.exit_code, still) == (0, "dead")
    assert replayed.exit_code == 0, replayed.stderr
    assert job_row(hospital, job_id).state == "queued"


def test_replaying_what_is_not_there_says_so(tandem: Tandem) -> None:
    answer = tandem("jobs", "replay", str(uuid4()))

    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit), "it ends in words, not in a fault"
    assert "There is nothing here" in answer.output


def _decide(tenant: UUID) -> UUID:
    with acting_for(tenant), transaction():
        audit.record(action="hospital.approved", object_type="organization", object_id=tenant)
    with acting_for(tenant), transaction():
        audit.seal_tenant()
        return session.scalars(select(AuditEvent.id)).one()
