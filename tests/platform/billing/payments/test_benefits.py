"""Paying with a benefit: a unit of a programme instead of money, kept, used or given back."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tandem.billing import entitlements, payments
from tandem.billing.entitlements.models import Entitlement
from tandem.billing.payments import BenefitRefundedWhole
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.payments.till import Till


@dataclass
class Programme:
    """One member with some units, at hospitals that serve the programme."""

    till: Till
    units: int = 1
    id: UUID = field(default_factory=new_id)
    entitlement_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        today, login = clock.today(), new_id().bytes
        member = entitlements.Grant(new_id(), login, self.units, today, today + timedelta(days=90))
        with acting_for(self.id), transaction():
            entitlements.admit_hospital(self.till.hospital_id)
            entitlements.grant([member])
            self.entitlement_id = entitlements.activate(self.till.payer_id, login)

    def use(self) -> UUID:
        """Ask for a visit to be paid by the benefit."""
        payment_id = self.till.ask(5000, method="entitlement", programme_id=self.id, entitlement_id=self.entitlement_id)
        self.till.work(self.till.hospital_id, self.id)
        return payment_id

    def counts(self) -> tuple[int, int]:
        """Units reserved and consumed."""
        with acting_for(self.id):
            named = Entitlement.id == self.entitlement_id
            owed = session.scalars(select(Entitlement).where(Entitlement.tenant_id == self.id, named)).one()
            return owed.units_reserved, owed.units_consumed


def test_a_unit_pays_for_a_visit_and_no_money_moves(till: Till) -> None:
    programme = Programme(till)

    payment_id = programme.use()

    assert till.payment(payment_id).status == "succeeded"
    assert programme.counts() == (1, 0)
    assert till.book() == {}


def test_the_last_unit_pays_once(till: Till) -> None:
    programme = Programme(till, units=1)

    first, second = programme.use(), programme.use()

    assert till.payment(first).status == "succeeded"
    assert (till.payment(second).status, till.payment(second).failure_code) == ("failed", "entitlement-spent")
    assert programme.counts() == (1, 0)


def test_a_delivered_visit_uses_the_unit_once(till: Till) -> None:
    programme = Programme(till)
    payment_id = programme.use()

    for _ in range(2):
        with acting_for(till.hospital_id), transaction():
            payments.complete_payment(payment_id)
    till.work(till.hospital_id, programme.id)

    assert programme.counts() == (0, 1)


def test_a_cancelled_visit_gives_the_unit_back_whole_or_not_at_all(till: Till) -> None:
    programme = Programme(till)
    payment_id = programme.use()

    with pytest.raises(BenefitRefundedWhole):
        till.give_back(payment_id, 100, "part")
    refund_id = till.give_back(payment_id, 5000)
    till.work(till.hospital_id, programme.id)

    assert till.refund(refund_id).status == "succeeded"
    assert programme.counts() == (0, 0)


def test_another_persons_benefit_pays_nothing(till: Till) -> None:
    programme = Programme(till)
    till.payer_id = new_id()

    payment_id = programme.use()

    assert till.payment(payment_id).status == "failed"
    assert programme.counts() == (0, 0)


def test_a_hospital_outside_the_programme_is_not_paid_by_it(till: Till) -> None:
    programme = Programme(till)
    elsewhere = Till(till.provider, till.work, payer_id=till.payer_id)

    payment_id = elsewhere.ask(
        5000, method="entitlement", programme_id=programme.id, entitlement_id=programme.entitlement_id
    )
    elsewhere.work(elsewhere.hospital_id)

    assert elsewhere.payment(payment_id).status == "failed"


def test_a_booking_given_up_gives_its_unit_back(till: Till) -> None:
    programme = Programme(till)
    payment_id = till.ask(
        5000, method="entitlement", programme_id=programme.id, entitlement_id=programme.entitlement_id
    )
    with acting_for(till.hospital_id), transaction():
        payments.cancel_payment(payment_id)

    till.work(till.hospital_id, programme.id)

    payment = till.payment(payment_id)
    assert programme.counts() == ((1, 0) if payment.status == "succeeded" else (0, 0))
