"""Stories of prepayments that are killed: an employer's statement, corrected and closed, and the end of a rest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import insert, select

from b2b.contracts import Contract
from tandem.billing import entitlements, invoices, settlements
from tandem.billing.entitlements.models import Entitlement, EntitlementMovement
from tandem.billing.invoices import Invoice
from tandem.billing.invoices import commands as invoicing
from tandem.billing.invoices.models import PrepaymentClosing
from tandem.billing.ledger import JournalDraft, journal_by_rule, mirror_book, post
from tandem.billing.payments import commands as paying
from tandem.billing.payments.models import Repayment
from tandem.billing.settlements import EmployerStatement
from tandem.billing.settlements import commands as settling
from tandem.billing.settlements.errors import LineAlreadyDisputed
from tandem.billing.settlements.models import FeeAdjustment, LineDispute
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.identity import NOBODY, Actor, act_as
from tandem.kernel.ids import derived_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.journeys.kill_stories import Stage, quiet
from tests.platform.billing.invoices.money import a_line, a_wish

DREW, DID_NOT = 11, 39
"""So many members use their benefit, and so many do not, that the sum may be told."""
LATER, AT_THE_END = timedelta(days=3), timedelta(days=12)


def of(stage: Stage, name: str) -> UUID:
    """What this telling calls by a name: its programme, its invoice's payer, a person."""
    return derived_id(stage.employer_id, name)


def prepares(stage: Stage) -> None:
    """What no kill is aimed at: two contracts signed, members, and some of them drew a unit, which is booked."""
    programme, at = of(stage, "programme"), clock.now()
    members = [derived_id(programme, f"member {number}") for number in range(DREW + DID_NOT)]
    with acting_for(stage.employer_id), transaction():
        session.execute(insert(Contract), [_contract(stage, name) for name in ("programme", "following")])
    with acting_for(programme), transaction():
        days = {"valid_from": clock.today() - timedelta(days=30), "valid_to": clock.today() + timedelta(days=300)}
        entitlements.grant([entitlements.Grant(each, each.bytes * 2, 4, **days) for each in members])
        owed = session.execute(select(Entitlement.id).where(Entitlement.tenant_id == programme).limit(DREW))
        steps = {"tenant_id": programme, "kind": "consume", "units": 1, "hospital_id": stage.hospital_id, "at": at}
        drawn = [steps | {"id": each, "key": each, "entitlement_id": each} for each in owed.scalars()]
        session.execute(insert(EntitlementMovement), drawn)
    with acting_for(stage.hospital_id):
        with transaction():
            post([_visited(stage, each, at) for each in members[:DREW]])
        mirror_book()


def prepays(stage: Stage) -> None:
    """The programme is invoiced once, and the employer transfers all of it but ten yuan."""
    with acting_for(stage.employer_id, operator=True), transaction():
        if row_of(stage, Invoice) is None:
            facts = {"lines": [a_line(200_000 + stage.variant)], "programme_id": of(stage, "programme")}
            invoices.issue_invoice(**a_wish(stage.employer_id, **facts))
    _transfers(stage, 199_000 + stage.variant, "BANK-1")


def transfers_the_rest(stage: Stage) -> None:
    _transfers(stage, 1_000, "BANK-2")


def is_told(stage: Stage) -> None:
    """The statement of the days up to now is drafted, and put before the employer."""
    through = clock.today()
    with clock.frozen(clock.now() + LATER):
        with acting_for(stage.employer_id, operator=True), transaction():
            settling.draft_employer_statement(through)
        with acting_for(stage.employer_id, operator=True), transaction():
            row = _statement(stage, 1)
            if row.status == "draft":
                settling.propose_employer_draft(row.id)


def disputes_and_signs(stage: Stage) -> None:
    """HR holds a visit for never given and signs the rest, which its open ten yuan keep from being paid."""
    wish: Any = {"withheld_minor": 0, "because": "never given", "evidence": "asked around"}
    with clock.frozen(clock.now() + LATER):
        with _by(stage, "employer"), suppress(LineAlreadyDisputed), transaction():
            if row_of(stage, LineDispute) is None:
                settling.dispute_programme(_statement(stage, 1).id, of(stage, "programme"), "drawn", **wish)
        with _by(stage, "employer"), transaction():
            row = _statement(stage, 1)
            if row.status == "proposed":
                settling.confirm_employer_statement(row.id)
        quiet(stage)


def is_corrected(stage: Stage) -> None:
    """The employer asks for its price back, the operator agrees, and a job books what both agreed on."""
    with clock.frozen(clock.now() + LATER):
        with _by(stage, "employer"), transaction():
            dispute = row_of(stage, LineDispute)
            if row_of(stage, FeeAdjustment) is None:
                settling.propose_adjustment(
                    _statement(stage, 1).id, party="employer", amount_minor=-stage.price_minor,
                    because="never given", line_dispute_id=dispute.id,
                )  # fmt: skip
        with _by(stage, "operator"), transaction():
            asked = row_of(stage, FeeAdjustment)
            if asked.status == "proposed":
                settling.decide_adjustment(asked.id, party="operator", decision="accepted")
        quiet(stage)


def is_closed(stage: Stage) -> None:
    """Paid by now, nothing more is done about it; the next statement says what was corrected."""
    with clock.frozen(clock.now() + LATER), _by(stage, "operator"), transaction():
        row = _statement(stage, 1)
        if row.status == "paid":
            settling.close_employer_statement(row.id)
    with clock.frozen(clock.now() + AT_THE_END), acting_for(stage.employer_id, operator=True), transaction():
        row = settlements.propose_employer_statement(clock.today() - timedelta(days=1))
        assert [each.kind for each in settling.corrections_of(row)] == ["adjustment", "payment"]


def ends(stage: Stage) -> None:
    """The programme is over."""
    with acting_for(of(stage, "programme")), transaction():
        entitlements.close_programme()


def is_offered_its_rest(stage: Stage) -> None:
    _offer(stage, policy="refunded")


def is_offered_to_go_on(stage: Stage) -> None:
    _offer(stage, policy="rolled_over", following_programme_id=of(stage, "following"))


def accepts(stage: Stage) -> None:
    """HR takes the offer; both books follow."""
    with clock.frozen(clock.now() + AT_THE_END):
        with _by(stage, "employer"), transaction():
            offer = row_of(stage, PrepaymentClosing)
            if offer.status == "proposed":
                invoicing.decide_closing(offer.id, "accepted")
        quiet(stage)


def has_it_back(stage: Stage) -> None:
    """One of the operator's people asks for it, another agrees, and the bank's transfer is recorded."""
    with clock.frozen(clock.now() + AT_THE_END):
        with _by(stage, "operator", "finance"), transaction():
            offer = row_of(stage, PrepaymentClosing)
            if row_of(stage, Repayment) is None:
                paying.propose_repayment(
                    prepayment_closing_id=offer.id, amount=Money(offer.unused_minor, "CNY"), because="over",
                    payee=paying.Payee("某公司", "中国银行", "6222"),
                )  # fmt: skip
        with _by(stage, "operator", "supervisor"), transaction():
            asked = row_of(stage, Repayment)
            if asked.status == "proposed":
                paying.approve_repayment(asked.id)
        with _by(stage, "operator", "finance"), transaction():
            paying.record_transfer(asked.id, paid_on=clock.today(), bank_reference="OUT-1")
        quiet(stage)


def _offer(stage: Stage, **policy: Any) -> None:
    with clock.frozen(clock.now() + AT_THE_END), _by(stage, "operator"), transaction():
        if row_of(stage, PrepaymentClosing) is None:
            invoicing.propose_closing(of(stage, "programme"), **policy)


def _transfers(stage: Stage, amount_minor: int, reference: str) -> None:
    with acting_for(stage.employer_id), transaction():
        row = row_of(stage, Invoice)
        paid_on = clock.today() - timedelta(days=1)
        invoices.record_invoice_payment(row.id, amount_minor=amount_minor, paid_on=paid_on, reference=reference)
    quiet(stage)


def _visited(stage: Stage, visit: UUID, at: datetime) -> JournalDraft:
    return journal_by_rule(
        "programme_revenue", amounts={"price": stage.price_minor}, parties={"programme": of(stage, "programme")},
        key=str(visit), effective_at=at, source_type="usage_event", source_id=visit,
    )  # fmt: skip


def _contract(stage: Stage, name: str) -> dict[str, Any]:
    day: date = clock.today()
    made: datetime = clock.now()
    return {
        "tenant_id": stage.employer_id, "id": of(stage, f"contract of {name}"), "package_id": of(stage, "package"),
        "package_code": "story", "units_per_member": 4, "price_per_member_minor": 0, "currency": "CNY",
        "hospital_ids": [stage.hospital_id], "starts_on": day, "ends_on": day, "programme_id": of(stage, name),
        "heads_billed": 0, "status": "executed", "created_at": made, "version": 1,
    }  # fmt: skip


def row_of(stage: Stage, table: Any) -> Any:
    """The one row of a kind that the employer has; None while there is none."""
    return session.scalars(select(table).where(table.tenant_id == stage.employer_id)).one_or_none()


def _statement(stage: Stage, number: int) -> EmployerStatement:
    mine = select(EmployerStatement).where(EmployerStatement.tenant_id == stage.employer_id)
    return session.scalars(mine.where(EmployerStatement.number == number)).one()


@contextmanager
def _by(stage: Stage, audience: Literal["employer", "operator"], who: str = "") -> Iterator[None]:
    """Somebody of the employer's, or of the operator's, in the employer's rows."""
    person, place = of(stage, f"{audience} {who}"), stage.employer_id if audience == "employer" else OPERATOR_ID
    act_as(Actor("person", person, audience, place, person))
    try:
        with acting_for(stage.employer_id, operator=audience == "operator"):
            yield
    finally:
        act_as(NOBODY)


STORIES: Final[dict[str, list[Callable[[Stage], None]]]] = {
    "prepaid and told": [prepays, is_told, disputes_and_signs, is_corrected, transfers_the_rest, is_closed],
    "prepaid and given back": [prepays, transfers_the_rest, ends, is_offered_its_rest, accepts, has_it_back],
    "prepaid and gone on": [prepays, transfers_the_rest, ends, is_offered_to_go_on, accepts],
}
