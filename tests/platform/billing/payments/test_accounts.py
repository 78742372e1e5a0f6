"""Each hospital is paid on an account of its own, opened when it goes live, once."""

import pytest

from tandem.accounts import OrganizationWentLive, create_organization
from tandem.billing.payments import connect_account
from tandem.kernel import outbox
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.payments.till import Till


@pytest.mark.parametrize(("kind", "is_paid"), [("hospital", True), ("employer", False)])
def test_going_live_opens_an_account_for_a_hospital_and_for_nobody_else(till: Till, kind: str, is_paid: bool) -> None:
    with acting_for(till.hospital_id), transaction():
        create_organization(kind=kind, name=f"测试机构{new_id()}")
        outbox.add(OrganizationWentLive(till.hospital_id))

    till.work(till.hospital_id)

    assert till.account().startswith("acct_") is is_paid


def test_an_account_is_opened_once_however_often_it_is_asked_for(till: Till) -> None:
    for _ in range(3):
        with acting_for(till.hospital_id), transaction():
            connect_account()

    till.work(till.hospital_id)

    opened = till.stripe().v1.accounts.list({"limit": 100}).data
    assert [each.id for each in opened if each.metadata["tandem_key"] == str(till.hospital_id)] == [till.account()]


def test_two_hospitals_money_never_shares_an_account(till: Till) -> None:
    elsewhere = Till(till.provider, till.work)

    till.take(7200)
    elsewhere.take(5000)

    assert till.account() != elsewhere.account()
    assert (till.book()["ar.patient"], elsewhere.book()["ar.patient"]) == (-7200, -5000)
    assert elsewhere.book()["cash.psp"] == elsewhere.provider_balance()
