"""Stories of money, killed before any statement, gone on with, and held against a twin that nobody killed.

A runner is a process with the whole application. For each point it makes a hospital and an employer of their own,
forks a child that tells the story to them and kills itself (SIGKILL) just before its n-th statement, begin or commit;
then it does what a platform does when a worker has died: lapsed leases are taken up, jobs are done, the people who
were in the middle of something try again with the same keys, and the timetable comes round. In the end the books must
say what the twin's books say.

`python -m tests.journeys.kills --points 10000` needs the environment of a test run; `test_kills.py` gives it.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from flask import Flask
from sqlalchemy import event, func, select, update
from sqlalchemy.engine import Engine

from tandem.app import create_app, dispose_engines
from tandem.billing import stripe_gateway
from tandem.billing.ledger import Account, Entry, Journal, entries
from tandem.billing.ledger.verification import verify_books, verify_mirrors
from tandem.billing.payments import queries
from tandem.billing.payments.jobs import read_provider, sweep_invoice_payments, sweep_payments, sweep_repayments
from tandem.billing.payments.models import InvoiceIntent
from tandem.billing.reconciliation.models import BankLineExit, BankLineRow
from tandem.billing.settlements.jobs import sweep_transfers
from tandem.kernel import clock, jobs
from tandem.kernel.database import Base, session
from tandem.kernel.jobs import JobRow
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.journeys import kill_stories, kill_stories_of_bills, kill_stories_of_prepayments
from tests.journeys.kill_stories import Stage, quiet
from tests.platform.billing.digests import book_digest, job_states
from tests.platform.billing.invoices.money import a_customer
from tests.platform.billing.money import a_hospital_with_an_agreement
from tests.platform.stripe_sandbox.stage import KEY, Sandbox

STORIES: Final = kill_stories.STORIES | kill_stories_of_bills.STORIES | kill_stories_of_prepayments.STORIES
COUNTED: Final = (
    "payment", "payer", "refund", "dispute", "payout", "balance_transaction", "provider_event", "provider_event_body",
    "payout_part", "waiver", "invoice_intent",
    "usage_event", "fee_accrual", "fee_reversal", "settlement_statement", "invoice", "invoice_payment", "discrepancy",
    "rated_line", "usage_claim", "invoice_line", "invoice_origin", "settlement_transfer", "transfer_return",
    "repayment",
    "employer_statement", "employer_statement_line", "line_dispute", "fee_adjustment", "prepayment_closing",
)  # fmt: skip
"""Tables in which a killed story has as many rows as its twin."""
LONGEST: Final = "the whole of it"
"""A story as long as all others together: told every third time round."""
VARIANTS: Final = 2
"""Each story is told with this many sets of amounts."""


@dataclass
class Outcome:
    """What became of the points of one runner."""

    points: int = 0
    killed: int = 0
    boundaries: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ending:
    """What a story leaves behind, told without ids and times of its own."""

    books: tuple[str, ...]
    rows: tuple[tuple[str, int], ...]
    provider: tuple[int, ...]
    faults: tuple[str, ...]


class Runner:
    """Tells stories to fresh tenants, kills them, and looks at what is left."""

    def __init__(self, app: Flask, provider: Sandbox, names: Collection[str] = ()) -> None:
        self.app = app
        self.provider = provider
        self.names = names or STORIES.keys()
        self.twins: dict[tuple[str, int], tuple[Ending, int]] = {}

    def run(self, points: int, seed: int, share: tuple[int, int]) -> Outcome:
        """Every boundary of every story in an order that the seed decides, again with other amounts, up to `points`."""
        outcome = Outcome()
        first, of = share
        for name, variant, place in islice(self._plan(seed), first, points, of):
            outcome.points += 1
            was_killed, fault = self._point(name, variant, place)
            outcome.killed += was_killed
            if fault is not None:
                outcome.faults.append(f"{name}/{variant} killed before statement {place}: {fault}")
                if len(outcome.faults) >= 20:
                    break
        outcome.boundaries = sum(boundaries for _, boundaries in self.twins.values())
        return outcome

    def _plan(self, seed: int) -> Iterator[tuple[str, int, int]]:
        """Story after story, each killed before every one of its statements before any is chosen again."""
        left: dict[tuple[str, int], list[int]] = {}
        for turn in count():
            for name in self.names:
                if name == LONGEST and turn % 3 != 2 and len(self.names) > 1:
                    continue
                variant = turn % VARIANTS
                places = left.setdefault((name, variant), [])
                if not places:
                    places += range(1, self._twin(name, variant)[1] + 1)
                    random.Random(f"{seed}/{name}/{variant}/{turn}").shuffle(places)
                yield name, variant, places.pop()

    def _twin(self, name: str, variant: int) -> tuple[Ending, int]:
        """The story as it should end, and how many statements it takes. Told here, so that children are born warm."""
        if (name, variant) not in self.twins:
            stage, spoken = self._stage(name, variant), count()
            with listening(lambda: next(spoken)):
                for step in STORIES[name]:
                    step(stage)
            self.twins[name, variant] = settled(stage), next(spoken)
        return self.twins[name, variant]

    def _point(self, name: str, variant: int, place: int) -> tuple[bool, str | None]:
        stage = self._stage(name, variant)
        status, reached = self._fork(name, stage, kill_before=place)
        was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not was_killed and status != 0:
            return False, "the child failed by itself"
        try:
            revive(stage)
            for step in STORIES[name][reached:] if was_killed else ():
                step(stage)
            ending = settled(stage)
        except Exception:  # noqa: BLE001  # whatever keeps the story from going on is what is looked for
            return was_killed, traceback.format_exc(limit=-4)
        return was_killed, difference(ending, self._twin(name, variant)[0])

    def _stage(self, name: str, variant: int) -> Stage:
        stage = Stage(a_hospital_with_an_agreement(), a_customer(), self.provider, self.app, variant)
        if name in kill_stories_of_prepayments.STORIES:
            kill_stories_of_prepayments.prepares(stage)
        return stage

    def _fork(self, name: str, stage: Stage, kill_before: int) -> tuple[int, int]:
        """Tell the story in a child; its wait status, and the step it was in."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            tell_and_die(self.app, name, stage, theirs, kill_before)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            steps = pipe.read().split()
        _, status = os.waitpid(child, 0)
        return status, max(map(int, steps), default=0)


@contextmanager
def listening(speak: Callable[[], Any]) -> Iterator[None]:
    """Hear of every boundary of every connection: before a transaction begins, a statement runs, a commit is sent.

    And when a connection is given back: what was committed stands, and what was to be asked of the provider was not.
    """

    def hear(*_: Any) -> None:
        speak()

    moments = ("begin", "before_cursor_execute", "commit", "checkin")
    for moment in moments:
        event.listen(Engine, moment, hear)
    try:
        yield
    finally:
        for moment in moments:
            event.remove(Engine, moment, hear)


def tell_and_die(app: Flask, name: str, stage: Stage, pipe: int, kill_before: int) -> None:
    """In the child: tell the story, counting statements; die before the chosen one. Never returns."""
    spoken = count(1)

    def die_in_time() -> None:
        if next(spoken) == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        dispose_engines(app)
        with listening(die_in_time):
            for number, step in enumerate(STORIES[name]):
                os.write(pipe, f"{number}\n".encode())
                step(stage)
        status = 0
    except BaseException:  # noqa: BLE001  # the parent learns of it by the status, people by the trace
        traceback.print_exc()
    finally:
        os._exit(status)


def revive(stage: Stage) -> int:
    """A worker died: its lease lapses, its job is taken up by another. Time passes for jobs that wait to be retried.

    Returns how many jobs were done.
    """
    for tenant in stage.tenants:
        with acting_for(tenant), transaction():
            mine = update(JobRow).where(JobRow.tenant_id == tenant)
            lapsed = func.statement_timestamp() - timedelta(seconds=1)
            session.execute(mine.where(JobRow.state == "running").values(lease_until=lapsed))
            session.execute(mine.where(JobRow.state == "queued").values(run_at=clock.now()))
        for queue in ("fast", "slow"):
            jobs.recover_lapsed(tenant, queue)
    return quiet(stage)


def settled(stage: Stage) -> Ending:
    """The timetable comes round until nothing is left to do; and what is left then."""
    with clock.frozen(clock.now() + timedelta(minutes=20)):
        for _ in range(5):
            with acting_for(stage.hospital_id):
                sweep_payments()
                sweep_transfers()
                read_provider()
            with acting_for(stage.employer_id):
                sweep_invoice_payments()
                sweep_repayments()
            if not revive(stage):
                break
    faults = [fault for tenant in stage.tenants for fault in _faults_of(tenant)] + _operators_fees(stage)
    with acting_for(stage.hospital_id):
        account = queries.account_of_hospital(is_live=False)
    provider = stage.seen_at_provider(account)
    booked = stage.booked_at_provider()
    if account is not None and provider[0] != booked:
        faults.append(f"the provider holds {provider[0]}, the book says {booked}")
    rows = tuple((f"{place}.{name}", _rows(tenant, name)) for place, tenant in stage.places for name in COUNTED)
    digests = (book_digest(stage.hospital_id, keyed=False), book_digest(stage.employer_id, keyed=False))
    books = (*digests, _operators_view(stage))
    return Ending(books, rows, (*provider, stage.given_back_by_provider()), tuple(faults))


def difference(ending: Ending, twin: Ending) -> str | None:
    """In what an ending is not its twin's; None when it is."""
    if ending.faults:
        return "; ".join(ending.faults)
    if ending.rows != twin.rows:
        wrong = [f"{a[0]} {a[1]} for {b[1]}" for a, b in zip(ending.rows, twin.rows, strict=True) if a != b]
        return f"rows: {', '.join(wrong)}"
    if ending.provider != twin.provider:
        return f"at the provider: {ending.provider} for {twin.provider}"
    return None if ending.books == twin.books else "the books differ"


def _faults_of(tenant: UUID) -> list[str]:
    with acting_for(tenant):
        faults = [fault for verdict in verify_books() for fault in verdict.faults]
    faults += verify_mirrors(tenant)
    states = job_states(tenant)
    return faults + [f"{count} jobs {state}" for state, count in states.items() if state != "done"]


def _operators_fees(stage: Stage) -> list[str]:
    """Fees of the employer's online payments that the operator's book does not say."""
    with acting_for(stage.employer_id):
        paid = session.scalars(
            select(InvoiceIntent.provider_intent_id).where(
                InvoiceIntent.tenant_id == stage.employer_id, InvoiceIntent.status == "succeeded"
            )
        ).all()
    charges = [stripe_gateway.gateway().intent(None, each or "").charge for each in paid]
    keys = [f"bt:{each.movement.id}" for each in charges if each is not None and each.movement is not None]
    with acting_for(OPERATOR_ID):
        booked = session.scalars(
            select(Journal.idem_key).where(Journal.tenant_id == OPERATOR_ID, Journal.idem_key.in_(keys))
        ).all()
    return [f"the operator's book lacks {key}" for key in sorted(set(keys) - set(booked))]


def _operators_view(stage: Stage) -> str:
    """What the operator's book says of the story's parties, journal by journal, without ids and times."""
    parties = {tenant: place for place, tenant in stage.places}
    parties |= {kill_stories_of_prepayments.of(stage, name): name for name in ("programme", "following")}
    with acting_for(OPERATOR_ID):
        told = session.execute(
            entries(Journal.kind, Account.code, Account.party_id, Entry.amount_minor).where(
                Account.party_id.in_(parties)
            )
        ).all()
        lines = select(BankLineRow.id).where(
            BankLineRow.tenant_id == OPERATOR_ID, BankLineRow.account.startswith(f"op{stage.employer_id.hex}")
        )
        let_out = select(BankLineExit.id).where(
            BankLineExit.tenant_id == OPERATOR_ID, BankLineExit.bank_line_id.in_(lines)
        )
        exits = [str(each) for each in session.scalars(let_out)]
        told_of_exits = session.execute(
            entries(Journal.kind, Account.code, Entry.amount_minor).where(
                Journal.source_type == "bank_line_exit", Journal.source_id.in_(exits)
            )
        ).all()
    said = sorted(f"{kind} {code} {parties[party]} {amount_minor}" for kind, code, party, amount_minor in told)
    said += sorted(f"{kind} {code} {amount_minor}" for kind, code, amount_minor in told_of_exits)
    return sha256("\n".join(said).encode()).hexdigest()


def _rows(tenant: UUID, name: str) -> int:
    table = Base.metadata.tables[name]
    with acting_for(tenant):
        return int(session.scalar(select(func.count()).select_from(table).where(table.c.tenant_id == tenant)) or 0)


def main(told: list[str]) -> int:
    """Run a share of the points and write the outcome as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.kills", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", default="0/1", help="which runner of how many this is: 0/2, 1/2")
    parser.add_argument("--only", action="append", default=[], choices=STORIES, help="this story, and others so named")
    asked = parser.parse_args(told)
    first, of = (int(part) for part in asked.share.split("/"))
    with tempfile.TemporaryDirectory() as data:
        provider = Sandbox(Path(data))
        try:
            outcome = _told_by(provider, asked.only, asked.points, asked.seed, (first, of))
        finally:
            provider.stop()
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.flush()
    return 1 if outcome.faults else 0


def _told_by(
    provider: Sandbox, names: Collection[str], points: int, seed: int, share: tuple[int, int]
) -> Outcome:
    import b2b.wiring
    import tandem.wiring
    import tenants.wiring

    settings = replace(Settings.load(), stripe_secret_key=KEY, stripe_base_url=provider.url)
    app = create_app(settings, [tandem.wiring, tenants.wiring, b2b.wiring])
    stripe_gateway.configure(settings)
    with app.app_context():
        return Runner(app, provider, names).run(points, seed, share)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
