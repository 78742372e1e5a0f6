"""Passes R4 to R10, each with what it is there to find planted once."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from tandem.accounts import AgreementVersion
from tandem.billing import settlements
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.billing.payments import BalanceTransaction, Payout
from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.jobs import reconcile_day, reconcile_fully
from tandem.billing.reconciliation.matching import Look, run_comparison
from tandem.billing.reconciliation.passes import bank, books, provider, splits
from tandem.billing.settlements.commands import reverse_refund
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import a_hospital
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.platform.billing.reconciliation.histories import RULES, booked, captured, faults, run

DAY = date(2026, 9, 1)


@pytest.fixture
def hospital(app: object) -> UUID:
    """Two paid visits under an agreement with a cap, one of them partly given back, all accrued."""
    tenant = a_hospital_with_an_agreement(percent_of_net=Decimal(20), cap_per_visit_minor=1_000)
    payments = [a_payment(tenant, amount) for amount in (7_200, 3_333)]
    for payment, amount in zip(payments, (7_200, 3_333), strict=True):
        a_delivered_visit(tenant, payment, amount)
    with acting_for(tenant), transaction():
        settlements.accrue_missing(clock.now())
    refund = a_refund(tenant, payments[1], 1_111)
    with acting_for(tenant), transaction():
        reverse_refund(refund)
    reconcile(tenant)
    return tenant


def agreed_day_by_day(tenant: UUID, as_superuser: Callable[..., None], dice: Random, days: int) -> None:
    """Another agreement in force on each day, with terms and caps as the dice fall."""
    with acting_for(tenant, operator=True), transaction():
        for day in range(days):
            session.add(
                AgreementVersion(
                    tenant_id=tenant, organization_id=tenant, number=day + 1, refund_window_days=0,
                    percent_of_net=Decimal(dice.choice([0, dice.randrange(10**6)])).scaleb(-4),
                    per_visit_minor=dice.choice([0, 1, dice.randrange(900)]),
                    cap_percent=dice.choice([None, Decimal(dice.randrange(10**6)).scaleb(-4)]),
                    cap_per_visit_minor=dice.choice([None, dice.randrange(900)]),
                    zero_on_medical=dice.random() < 0.1,
                    effective_from=NOON + timedelta(days=day - days), effective_until=NOON + timedelta(days=day + 1 - days),
                )
            )  # fmt: skip
    as_superuser("UPDATE agreement_version SET status = 'superseded', terms_sha256 = 'x' WHERE tenant_id = %s", tenant)


def test_whatever_is_agreed_sql_works_out_the_split_and_its_reversal_that_were_booked(
    app: object, as_superuser: Callable[..., None]
) -> None:
    tenant, dice, days = a_hospital(), Random(2026), 40
    agreed_day_by_day(tenant, as_superuser, dice, days)
    for day in range(days):
        price, at = dice.choice([1, 7, dice.randrange(1, 20_000)]), NOON + timedelta(days=day - days, hours=2)
        payment = a_payment(tenant, price)
        a_delivered_visit(tenant, payment, price, at=at)
        back = dice.randrange(price + 1)
        for part in (back // 3, back - back // 3):
            if part:
                a_refund(tenant, payment, part, at=at)

    with acting_for(tenant), transaction():
        accrued = settlements.accrue_missing(clock.now())
    looked = [run(tenant, "full", comparison) for comparison in (splits.SPLIT, splits.REVERSED)]

    assert (accrued, looked[0].checked_count, looked[1].checked_count > 20) == (days, days, True)
    assert faults(tenant) == {}


def reconcile(tenant: UUID) -> None:
    with acting_for(tenant):
        reconcile_day(DAY)


def kinds(tenant: UUID) -> set[str]:
    return set(faults(tenant).values())


def test_splits_that_keep_to_the_agreement_and_its_caps_are_no_difference(hospital: UUID) -> None:
    assert kinds(hospital) & {"split_differs", "fee_beyond_cap", "reversal_differs", "agreement_not_in_force"} == set()
    with acting_for(hospital):
        matched = session.execute(
            text("SELECT comparison, count(*) FROM recon_item WHERE tenant_id = :t AND status = 'matched' GROUP BY 1"),
            {"t": hospital},
        )
        counted = {row[0]: row[1] for row in matched}
    assert (counted["R9.split"], counted["R9.reversed"]) == (2, 1)


def test_a_fee_one_fen_beyond_its_cap_is_a_breach(hospital: UUID, as_superuser: Callable[..., None]) -> None:
    as_superuser("UPDATE fee_accrual SET fee_minor = 1001 WHERE tenant_id = %s AND fee_minor = 1000", hospital)

    reconcile(hospital)

    assert "fee_beyond_cap" in kinds(hospital)


def test_a_reversal_by_another_rule_than_the_recorded_split_is_found(
    hospital: UUID, as_superuser: Callable[..., None]
) -> None:
    as_superuser("UPDATE fee_reversal SET fee_minor = fee_minor + 1 WHERE tenant_id = %s", hospital)

    reconcile(hospital)

    assert "reversal_differs" in kinds(hospital)


def test_a_split_by_an_agreement_that_was_not_in_force_is_found(
    hospital: UUID, as_superuser: Callable[..., None]
) -> None:
    later = NOON + timedelta(days=1)
    as_superuser("UPDATE agreement_version SET effective_from = %s WHERE tenant_id = %s", later, hospital)

    reconcile(hospital)

    assert "agreement_not_in_force" in kinds(hospital)


def test_suspense_that_is_not_cleared_in_its_time_is_stale_and_gone_when_it_is(hospital: UUID) -> None:
    suspend(hospital, "first", 500, clock.now() - timedelta(days=4))
    suspend(hospital, "young", 70, clock.now())
    reconcile(hospital)
    stale = faults(hospital)

    suspend(hospital, "cleared", -500, clock.now())
    reconcile(hospital)

    assert stale["clearing:suspense:CNY"] == "clearing_stale"
    assert at_risk(hospital, "clearing:suspense:CNY") == (500, "resolved")


def test_what_is_stale_of_a_clearing_account_is_what_no_later_entry_has_taken_away(
    app: object, at: Callable[[datetime], None]
) -> None:
    """First in, first out, on both sides: a debit waits for a credit as a credit waits for a debit."""
    tenant = a_hospital_with_an_agreement()
    at(NOON)
    limit = NOON - RULES.days("sla_days.suspense")
    old, young = limit - timedelta(microseconds=1), limit
    told = {
        "CNY": [(old, 500), (young, -500)],
        "USD": [(old, -500), (young, 300)],
        "EUR": [(young, 70), (old, -30)],
        "JPY": [(young, -70), (old, 30)],
        "HKD": [(young, 40)],
        "KWD": [(old, 500), (old, -100), (young, 70)],
    }
    for currency, entries in told.items():
        for number, (moment, amount_minor) in enumerate(entries):
            suspend(tenant, f"{currency}{number}", amount_minor, moment, currency)

    with acting_for(tenant), transaction():
        look = Look("full", limit, NOON, books.clearing_terms(RULES))
        run_comparison(books.CLEARED, look, RULES)

    with acting_for(tenant):
        stale = session.execute(
            text("SELECT natural_key, actual_minor FROM discrepancy WHERE tenant_id = :t"), {"t": tenant}
        ).all()
    assert {key.rpartition(":")[2]: int(minor) for key, minor in stale} == {"USD": -200, "KWD": 400}


def test_a_chain_broken_by_a_superuser_is_found(hospital: UUID, as_superuser: Callable[..., None]) -> None:
    as_superuser(
        "UPDATE entry SET amount_minor = amount_minor + 1 WHERE tenant_id = %s AND seq = 1 AND line_no = 1", hospital
    )

    with acting_for(hospital):
        reconcile_fully()

    assert faults(hospital)["book:CNY"] == "book_unsound"


def test_a_roll_up_that_does_not_say_what_its_events_say_is_found(
    hospital: UUID, as_superuser: Callable[..., None]
) -> None:
    as_superuser(
        "UPDATE usage_rollup SET event_count = event_count + 1, fact_count = fact_count + 1 WHERE tenant_id = %s",
        hospital,
    )

    reconcile(hospital)

    assert "rollup_differs" in kinds(hospital)


def test_the_full_passes_find_nothing_that_the_nightly_ones_have_missed(hospital: UUID) -> None:
    before = faults(hospital)

    with acting_for(hospital):
        reconcile_fully()

    assert faults(hospital) == before
    with acting_for(hospital):
        new = session.execute(
            text("SELECT sum(new_count) FROM recon_pass_run WHERE tenant_id = :t AND mode = 'full' AND started_at > "
                 "(SELECT min(finished_at) FROM recon_pass_run WHERE tenant_id = :t AND mode = 'day')"),
            {"t": hospital},
        ).scalar_one()  # fmt: skip
    assert not new


def test_every_pass_has_a_name_and_every_comparison_belongs_to_one() -> None:
    told = ["R2.balance", "R4.rollups", "R5.invoices", "R5.statement", "R5.benefits", "R6.mirrored", "R7.sealed"]

    passes = {name.partition(".")[0] for name in [*(each.name for each in commands.COMPARISONS), *told]}

    assert {"R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10"} <= passes


def suspend(tenant: UUID, key: str, amount_minor: int, at: datetime, currency: str = "CNY") -> None:
    with acting_for(tenant), transaction():
        post([
            JournalDraft(
                kind="psp_unexplained",
                key=f"movement:{key}",
                effective_at=at,
                lines=[Line("suspense", amount_minor), Line("rev.other", -amount_minor)],
                source_type="story",
                source_id=new_id(),
                currency=currency,
            )
        ])  # fmt: skip


def at_risk(tenant: UUID, key: str) -> tuple[int, str]:
    with acting_for(tenant):
        row = session.execute(
            text("SELECT amount_at_risk_minor, status FROM discrepancy WHERE tenant_id = :t AND natural_key = :k"),
            {"t": tenant, "k": key},
        ).one()
        return int(row[0]), str(row[1])


def test_a_partial_capture_that_shows_as_two_transactions_is_one_sum(app: object) -> None:
    tenant = a_hospital_with_an_agreement()
    captured(tenant, range(1))
    booked(tenant, range(1))
    moved(tenant, "txn_1", 5_000, source="ch_0")
    moved(tenant, "txn_2", 2_200, source="ch_0")

    for comparison in (provider.BOOKED, provider.MOVED, provider.CARRIED):
        run(tenant, comparison=comparison)

    assert faults(tenant) == {}


def test_the_second_part_of_a_capture_that_is_too_large_is_found_on_both(app: object) -> None:
    tenant = a_hospital_with_an_agreement()
    captured(tenant, range(1))
    booked(tenant, range(1))
    moved(tenant, "txn_1", 5_000, source="ch_0")
    run(tenant, comparison=provider.CARRIED)
    moved(tenant, "txn_2", 2_300, source="ch_0")

    run(tenant, comparison=provider.CARRIED)

    assert faults(tenant) == dict.fromkeys(("bt:txn_1", "bt:txn_2"), "movement_not_booked")


def test_a_manual_payout_without_composition_is_flagged_with_the_movements_it_took_first(app: object) -> None:
    tenant = a_hospital_with_an_agreement()
    for number in range(4):
        moved(tenant, f"txn_{number}", 1_000, source=f"ch_{number}", at=NOON + timedelta(hours=number))
    paid_out_by_hand(tenant, 2_500)

    run(tenant, comparison=bank.COMPOSED)

    with acting_for(tenant):
        row = session.execute(
            text("SELECT kind, status, evidence FROM discrepancy WHERE tenant_id = :t"), {"t": tenant}
        ).one()
    assert (row.kind, row.status) == ("payout_uncomposed", "explained")
    assert (row.evidence["from"], row.evidence["through"]) == ("txn_0", "txn_2")


def moved(tenant: UUID, name: str, amount_minor: int, *, source: str, at: datetime = NOON) -> None:
    """A movement as the provider told it, posted under its charge's capture."""
    with acting_for(tenant), transaction():
        row = {
            "tenant_id": tenant, "id": new_id(), "provider_id": name, "kind": "charge", "reporting_category": "charge",
            "amount_minor": amount_minor, "fee_minor": 0, "net_minor": amount_minor, "currency": "CNY",
            "source_id": source, "posted_as": f"charge:{source}:captured", "provider_created_at": at,
            "available_at": at, "fetched_at": at,
        }  # fmt: skip
        session.execute(insert(BalanceTransaction), [row])


def paid_out_by_hand(tenant: UUID, amount_minor: int) -> None:
    with acting_for(tenant), transaction():
        row = {
            "tenant_id": tenant, "id": new_id(), "provider_payout_id": "po_hand", "amount_minor": amount_minor,
            "currency": "CNY", "status": "paid", "is_automatic": False, "is_posted": True, "is_reversed": False,
            "sent_at": NOON, "arrives_at": NOON,
        }  # fmt: skip
        session.execute(insert(Payout), [row])
