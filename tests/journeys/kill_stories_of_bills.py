"""More stories that are killed: a month rated and billed, transfers in and out, money given back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from functools import cache, partial
from typing import Final
from uuid import UUID

from sqlalchemy import select

from tandem.billing import invoices, payments, rating, settlements
from tandem.billing.payments import Payment, commands
from tandem.billing.payments.jobs import open_provider_account
from tandem.billing.payments.models import Repayment
from tandem.billing.rating.jobs import rate_until
from tandem.billing.reconciliation import commands as reconciling
from tandem.billing.reconciliation.commands import SaidElsewhere
from tandem.billing.reconciliation.commands.banking import Owed
from tandem.billing.reconciliation.jobs import record_allocation
from tandem.billing.reconciliation.models import BankLineExit, BankLineProposal, BankLineRow
from tandem.billing.settlements import SettlementStatement
from tandem.billing.settlements import commands as settling
from tandem.billing.settlements.errors import TransferUnderWay
from tandem.billing.settlements.models import SettlementTransfer, TransferReturn
from tandem.billing.stripe_gateway import gateway
from tandem.billing.usage import record_usage
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.identity import NOBODY, Actor, act_as
from tandem.kernel.ids import derived_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.journeys.kill_stories import Stage, invoice_of, invoices_the_employer, pays_online, quiet
from tests.platform.billing.money import NOON
from tests.platform.billing.rating.plans import OCTOBER, a_component, a_ladder, a_plan, a_subscription
from tests.platform.billing.usage.metering import a_meter, an_event, report

NOVEMBER = date(2026, 11, 1)
PLENTY_MINOR, MOST_MINOR = 10_000_000, 99_999_999
"""What the operator should have at the provider for all tellings, and the most that one card pays there."""
HEADER = "日期,金额,币种,摘要,流水号,对方户名\n"


@cache
def meter_and_plan() -> tuple[str, UUID]:
    """Of the catalogue, for every telling: a ladder with a minimum."""
    meter = a_meter()
    return meter, a_plan(a_component("graduated", meter, tiers=a_ladder((10, 100), (None, 50))), minimum_minor=700)


def subscribes(stage: Stage) -> None:
    with suppress(rating.SubscriptionOverlaps):
        a_subscription(stage.hospital_id, meter_and_plan()[1])


def uses(stage: Stage) -> None:
    _report(stage, "in time", 8 + stage.variant)


def uses_late(stage: Stage) -> None:
    """What September's bill has not seen."""
    _report(stage, "late", 5)


def is_billed_for_september(stage: Stage) -> None:
    _ends_month(stage, OCTOBER)


def is_billed_for_october(stage: Stage) -> None:
    _ends_month(stage, NOVEMBER)


def delivers_for_a_programme(stage: Stage) -> None:
    """A visit that an employer's programme pays: the operator owes the hospital its price."""
    programme, payment_id = (derived_id(stage.hospital_id, name) for name in ("programme", "benefit"))
    with acting_for(stage.hospital_id), transaction():
        if session.get(Payment, (stage.hospital_id, payment_id)) is None:
            session.add(
                Payment(
                    tenant_id=stage.hospital_id, id=payment_id, order_type="story", order_id=stage.order_id,
                    method="entitlement", amount_minor=stage.price_minor, currency="CNY", status="succeeded",
                    succeeded_at=NOON, programme_id=programme, entitlement_id=derived_id(programme, "entitlement"),
                )
            )  # fmt: skip
            session.flush()
        record_usage(
            source_type="encounter", source_id=derived_id(stage.hospital_id, "visit"), at=NOON + timedelta(hours=2),
            payment_id=payment_id, amount_minor=stage.price_minor, programme_id=programme,
        )  # fmt: skip
    quiet(stage)


def opens_an_account(stage: Stage) -> None:
    with acting_for(stage.hospital_id):
        open_provider_account(stage.hospital_id)


def signs(stage: Stage) -> None:
    """Yesterday's statement is proposed and confirmed."""
    with acting_for(stage.hospital_id), transaction():
        row = settlements.propose_statement(clock.today() - timedelta(days=1))
        if row.status == "proposed":
            settlements.confirm_statement(row.id)
    quiet(stage)


def is_sent_what_it_is_owed(stage: Stage) -> None:
    """The operator wishes it once, has the money at the provider, and the hospital hears of its movement."""
    if gateway().transferable_minor("CNY") < PLENTY_MINOR:
        stage.provider.client().v1.payment_intents.create({
            "amount": MOST_MINOR, "currency": "cny", "confirm": True, "allowed_payment_method_types": ["card"],
            "payment_method": "pm_card_bypassPending", "return_url": "https://example.org/",
        })  # fmt: skip
    mine = SettlementStatement.tenant_id == stage.hospital_id
    with suppress(TransferUnderWay, TransitionRefused), acting_for(stage.hospital_id), transaction():
        settling.ask_transfer(session.scalars(select(SettlementStatement.id).where(mine)).one(), is_live=False)
    quiet(stage)
    with acting_for(stage.hospital_id):
        payments.fetch_provider_facts()
    quiet(stage)


def gives_a_part_of_it_back(stage: Stage) -> None:
    """The operator asks for it, the hospital agrees, the provider takes it back, and its movement is heard of."""
    with _by(stage, "finance"), acting_for(stage.hospital_id, operator=True), transaction():
        sent = session.scalars(
            select(SettlementTransfer.id).where(SettlementTransfer.tenant_id == stage.hospital_id)
        ).one()
        if _return(stage) is None:
            settling.propose_return(sent, amount=Money(100 + stage.variant, "CNY"), because="a test visit")
    with _by(stage, "the hospital's finance"), acting_for(stage.hospital_id), transaction():
        asked = _return(stage)
        assert asked is not None
        if asked.status == "proposed":
            settling.approve_return(asked.id)
    quiet(stage)
    with acting_for(stage.hospital_id):
        payments.fetch_provider_facts()
    quiet(stage)


def _return(stage: Stage) -> TransferReturn | None:
    mine = TransferReturn.tenant_id == stage.hospital_id
    return session.scalars(select(TransferReturn).where(mine)).one_or_none()


def is_credited(stage: Stage) -> None:
    """A third of what the employer's invoice asked for is not owed after all."""
    with acting_for(stage.employer_id), transaction():
        row = invoice_of(stage)
        assert row is not None
        if not row.credited_minor:
            invoices.credit_invoice(row.id, because="fewer heads", lines=[invoices.LineCredit(1, 100_000)])
    quiet(stage)


def is_given_it_back(stage: Stage) -> None:
    """One asks for it, another agrees, and the provider refunds it."""
    with _by(stage, "finance"), acting_for(stage.employer_id, operator=True), transaction():
        row = invoice_of(stage)
        assert row is not None
        if _repayment(stage) is None:
            commands.propose_repayment(invoice_id=row.id, amount=Money(100_000, "CNY"), because="credited")
    with _by(stage, "supervisor"), acting_for(stage.employer_id, operator=True), transaction():
        asked = _repayment(stage)
        assert asked is not None
        if asked.status == "proposed":
            commands.approve_repayment(asked.id)
    quiet(stage)


def is_paid_by_transfers_that_pay_others_too(stage: Stage) -> None:
    """Two lines of the operator's bank, each larger than what it pays here; the finance desk spends a part of both."""
    for number, amount_minor in ((1, 100_000), (2, 200_000 + stage.variant)):
        content = f"{HEADER}2026-11-20,9000.00,CNY,货款,{stage.employer_id.hex}{number},某公司\n"
        with acting_for(OPERATOR_ID), transaction():
            account = f"op{stage.employer_id.hex}{number}"
            taken = reconciling.take_in_bank_file(content.encode(), account=account, profile="generic")
            line_id = session.scalars(
                select(BankLineRow.id).where(BankLineRow.tenant_id == OPERATOR_ID, BankLineRow.statement_id == taken.id)
            ).one()
        _spend(stage, line_id, amount_minor)
        with acting_for(OPERATOR_ID), transaction():
            part_id = reconciling.allocations_of(line_id)[0].id
        with acting_for(OPERATOR_ID):
            record_allocation(part_id)
        quiet(stage)
        _lets_out(stage, line_id, is_undone=number == 2)


def _spend(stage: Stage, line_id: UUID, amount_minor: int) -> None:
    """One of the operator's people proposes it, another agrees."""
    with acting_for(stage.employer_id):
        row = invoice_of(stage)
        assert row is not None
        owed = {row.id: Owed(stage.employer_id, row.id, row.document_no or "", row.open_minor, row.currency)}
    mine = (BankLineProposal.tenant_id == OPERATOR_ID, BankLineProposal.bank_line_id == line_id)
    with _by(stage, "finance"), acting_for(OPERATOR_ID), transaction():
        if session.scalars(select(BankLineProposal.id).where(*mine)).one_or_none() is None:
            reconciling.propose_allocation(line_id, dict.fromkeys(owed, amount_minor), owed, because="its remark")
    with _by(stage, "supervisor"), acting_for(OPERATOR_ID), transaction():
        asked = session.scalars(select(BankLineProposal).where(*mine)).one()
        if asked.status == "proposed":
            reconciling.approve_allocation(asked.id, owed)


def _lets_out(stage: Stage, line_id: UUID, *, is_undone: bool) -> None:
    """Two of the operator's people call the rest of a line interest; of one line, two find its owner after all."""
    proposing = partial(reconciling.propose_exit, reason="bank_interest", because="nobody's", told=SaidElsewhere())
    steps: list[tuple[str, str | None, Callable[[UUID], object]]] = [
        ("finance", None, lambda _: proposing(line_id)),
        ("supervisor", "proposed", partial(reconciling.approve_exit, told=SaidElsewhere())),
        ("finance", "approved", partial(reconciling.propose_undoing, because="its owner turned up")),
        ("supervisor", "undoing", reconciling.approve_undoing),
    ]
    mine = select(BankLineExit).where(BankLineExit.tenant_id == OPERATOR_ID, BankLineExit.bank_line_id == line_id)
    for who, status, step in steps if is_undone else steps[:2]:
        with _by(stage, who), acting_for(OPERATOR_ID), transaction():
            row = session.scalars(mine).one_or_none()
            if (None if row is None else row.status) == status:
                step(line_id if row is None else row.id)
        with acting_for(OPERATOR_ID), transaction():
            reconciling.book_exit(session.scalars(mine).one().id)


def _report(stage: Stage, name: str, quantity: int) -> None:
    event = an_event(meter_and_plan()[0], name, quantity=str(quantity), at=NOON.isoformat())
    report(stage.hospital_id, event, event)


def _ends_month(stage: Stage, until: date) -> None:
    with acting_for(stage.hospital_id), transaction():
        jobs.enqueue(rate_until, until=until)
    quiet(stage)


def _repayment(stage: Stage) -> Repayment | None:
    return session.scalars(select(Repayment).where(Repayment.tenant_id == stage.employer_id)).one_or_none()


@contextmanager
def _by(stage: Stage, who: str) -> Iterator[None]:
    """One of the operator's people, or whoever speaks for the hospital."""
    person = derived_id(stage.employer_id, who)
    act_as(Actor("person", person, "operator", OPERATOR_ID, person))
    try:
        yield
    finally:
        act_as(NOBODY)


STORIES: Final[dict[str, list[Callable[[Stage], None]]]] = {
    "rated and billed": [subscribes, uses, is_billed_for_september, uses_late, is_billed_for_october],
    "owed and sent": [
        delivers_for_a_programme,
        opens_an_account,
        signs,
        is_sent_what_it_is_owed,
        gives_a_part_of_it_back,
    ],
    "credited and given back": [invoices_the_employer, pays_online, is_credited, is_given_it_back],
    "paid at the bank": [invoices_the_employer, is_paid_by_transfers_that_pay_others_too],
}
