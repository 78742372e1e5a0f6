"""No service is written, revised, published or charged above what a public circular allows."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import update

from tandem.accounts import Organization
from tandem.billing.prices import PriceAboveCeiling, add_price_ceiling
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tenants.appointments import commands as appointments
from tenants.healthcare_services import commands, queries
from tests.hospitals import a_live_hospital, service_facts
from tests.tenants.clinics import a_clinic, a_patient, as_patient, slots_tomorrow

pytestmark = pytest.mark.usefixtures("app")


def a_circular(hospital: UUID, ceiling_minor: int, *, region: str | None = None) -> str:
    """A circular for ungraded hospitals of a region of its own, in which the hospital now lies."""
    region = region or f"region-{new_id()}"
    with acting_for(hospital, operator=True), transaction():
        session.execute(update(Organization).where(Organization.tenant_id == hospital).values(province=region))
    with acting_for(OPERATOR_ID, operator=True), transaction():
        add_price_ceiling(
            region=region,
            grade="ungraded",
            item="follow_up",
            ceiling=Money(ceiling_minor),
            effective_from=date(2026, 1, 1),
            effective_to=None,
            circular="浙医保〔2025〕1号",
        )
    return region


def test_a_service_is_written_up_to_the_ceiling_and_no_fen_above():
    hospital = a_live_hospital()
    a_circular(hospital, 7_200)

    with acting_for(hospital), transaction():
        commands.write_service(service_facts(price=Money(7_200)))
    with acting_for(hospital), pytest.raises(PriceAboveCeiling) as refused:
        commands.write_service(service_facts(price=Money(7_201)))

    assert refused.value.facts["ceiling_minor"] == 7_200


def test_a_price_is_not_raised_above_the_ceiling_nor_a_service_renamed_into_it():
    hospital = a_live_hospital()
    with acting_for(hospital), transaction():
        cheap = commands.write_service(service_facts(price=Money(5_000))).id
        advice = commands.write_service(service_facts(price=Money(9_000), care_type="advice")).id
    a_circular(hospital, 7_200)

    for service, changes in ((cheap, {"price": Money(7_201)}), (advice, {"care_type": "follow_up"})):
        with acting_for(hospital), pytest.raises(PriceAboveCeiling):
            commands.revise_service(queries.service_for_update(service), changes)


def test_a_circular_that_came_since_stops_publication():
    hospital = a_live_hospital()
    with acting_for(hospital), transaction():
        draft = commands.write_service(service_facts(price=Money(7_200))).id
    a_circular(hospital, 7_000)

    with acting_for(hospital), pytest.raises(PriceAboveCeiling):
        commands.publish_service(draft)


def test_what_was_booked_before_a_circular_came_is_not_charged_above_it():
    clinic = a_clinic(price_minor=5_000)
    booker = a_patient(clinic)
    slot = slots_tomorrow(clinic)[0]
    with as_patient(clinic, booker):
        held = appointments.hold_slot(slot_id=slot, accepts_advice_only=True)["id"]
    a_circular(clinic.id, 4_999)

    with pytest.raises(PriceAboveCeiling) as refused, as_patient(clinic, booker):
        appointments.pay_appointment(held, method="wechat_pay")

    assert refused.value.facts["price_minor"] == 5_000
