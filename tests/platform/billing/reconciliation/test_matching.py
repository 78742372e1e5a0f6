"""The matching core: it looks at what changed, misses nothing that was slow, and being killed leaves no trace."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from tandem.billing.reconciliation import matching
from tandem.billing.reconciliation.matching import Look, run_comparison
from tandem.billing.reconciliation.passes import provider
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel.database import session
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import a_hospital
from tests.platform.billing.reconciliation.histories import booked, captured, faults, items, run


@pytest.fixture
def hospital(app: object) -> UUID:
    """Fifty payments, all of them booked."""
    tenant = a_hospital()
    captured(tenant, range(50))
    booked(tenant, range(50))
    return tenant


def test_the_first_run_looks_at_everything_and_the_second_at_nothing(hospital: UUID) -> None:
    first, second = run(hospital), run(hospital)

    assert (first.mode, first.checked_count, first.changed_count, first.open_count) == ("full", 50, 0, 0)
    assert (second.mode, second.checked_count, second.changed_count) == ("incremental", 0, 0)
    assert items(hospital) == {}


def test_a_run_over_equal_hashes_writes_nothing(hospital: UUID) -> None:
    run(hospital)

    again = run(hospital, "full")

    assert (again.checked_count, again.changed_count, again.new_count) == (50, 0, 0)


def test_what_was_planted_is_found_whole_and_nothing_is_invented(hospital: UUID) -> None:
    run(hospital)
    captured(hospital, range(50, 53))
    booked(hospital, range(51, 54))
    booked(hospital, range(60, 61), 7_201)
    captured(hospital, range(60, 61))
    booked(hospital, range(70, 71), currency="HKD")
    captured(hospital, range(70, 71))

    found = run(hospital)

    assert found.checked_count == 6
    assert faults(hospital) == {
        "charge:ch_50:captured": "fact_not_booked",
        "charge:ch_53:captured": "booked_without_fact",
        "charge:ch_60:captured": "booked_amount_differs",
        "charge:ch_70:captured": "booked_in_other_currency",
    }
    assert run(hospital, "full").new_count == 0


def test_a_currency_mismatch_with_the_same_digits_puts_the_whole_sum_at_risk(hospital: UUID) -> None:
    captured(hospital, range(70, 71))
    booked(hospital, range(70, 71), currency="HKD")

    run(hospital)

    with acting_for(hospital):
        row = session.execute(
            text("SELECT fault, amount_at_risk_minor FROM discrepancy WHERE tenant_id = :t"), {"t": hospital}
        ).one()
    assert tuple(row) == ("currency", 7_200)


def test_one_charge_claimed_by_two_payments_is_a_duplicate(hospital: UUID) -> None:
    captured(hospital, range(3, 4))

    run(hospital)

    assert faults(hospital) == {"charge:ch_3:captured": "fact_claimed_twice"}


def test_a_charge_claimed_twice_counts_both_payments_whichever_of_them_changed(hospital: UUID) -> None:
    run(hospital)

    captured(hospital, range(3, 4))
    new, sums = [run(hospital).new_count], [_expected_minor(hospital)]
    for which in (slice(0, 1), slice(1, 2), slice(0, 2)):
        _one_fen_more(hospital, "ch_3", which)
        new.append(run(hospital).new_count)
        sums.append(_expected_minor(hospital))
    run(hospital, "full")

    assert new == [1, 0, 0, 0]
    assert [*sums, _expected_minor(hospital)] == [14_400, 14_401, 14_402, 14_404, 14_404]
    assert faults(hospital) == {"charge:ch_3:captured": "fact_claimed_twice"}


def test_a_difference_that_went_away_is_resolved_and_its_item_matches(hospital: UUID) -> None:
    captured(hospital, range(50, 51))
    run(hospital)

    booked(hospital, range(50, 51))
    again = run(hospital)

    assert (again.checked_count, again.open_count, faults(hospital)) == (1, 0, {})
    assert items(hospital)["charge:ch_50:captured"] == "matched"


def test_a_slow_transaction_is_not_skipped(hospital: UUID, settings: Settings) -> None:
    run(hospital)
    with psycopg.connect(settings.app_database_url) as slow:
        slow.execute(f"SET LOCAL app.tenant_id = '{hospital}'")
        slow.execute(
            "UPDATE payment SET amount_minor = 7_300 WHERE tenant_id = %s AND provider_charge_id = 'ch_7'", (hospital,)
        )
        captured(hospital, range(50, 60))
        booked(hospital, range(50, 60))

        meanwhile = run(hospital)
        slow.commit()
    after = run(hospital)

    assert (meanwhile.checked_count, meanwhile.open_count) == (10, 0)
    assert (after.mode, after.open_count) == ("incremental", 1)
    assert faults(hospital) == {"charge:ch_7:captured": "booked_amount_differs"}
    assert run(hospital, "full").new_count == 0


def test_killed_mid_pass_the_next_run_gives_what_an_uninterrupted_one_would(hospital: UUID) -> None:
    captured(hospital, range(50, 52))
    with pytest.raises(Killed), acting_for(hospital), transaction():
        run_comparison(provider.BOOKED, Look(values=provider.tariffs()), Rules())
        raise Killed
    left = items(hospital)

    outcome = run(hospital)

    assert left == {}
    assert (outcome.mode, outcome.checked_count, outcome.new_count) == ("full", 52, 2)
    assert faults(hospital) == dict.fromkeys(("charge:ch_50:captured", "charge:ch_51:captured"), "fact_not_booked")


def test_killed_mid_pass_the_watermark_stands_where_it_stood(hospital: UUID) -> None:
    run(hospital)
    captured(hospital, range(50, 51))
    with pytest.raises(Killed), acting_for(hospital), transaction():
        run_comparison(provider.BOOKED, Look(values=provider.tariffs()), Rules())
        raise Killed

    outcome = run(hospital)

    assert (outcome.mode, outcome.new_count) == ("incremental", 1)


def test_the_full_run_finds_what_was_altered_behind_every_trigger(
    hospital: UUID, as_superuser: Callable[..., None]
) -> None:
    run(hospital)
    as_superuser("UPDATE entry SET amount_minor = amount_minor * 2 WHERE tenant_id = %s AND seq = 5", hospital)

    unaware, full = run(hospital), run(hospital, "full")

    assert (unaware.open_count, full.new_count) == (0, 1)
    assert faults(hospital) == {"charge:ch_4:captured": "booked_amount_differs"}


def test_a_fact_booked_twice_under_two_kinds_is_no_pair_however_equal_each_is(hospital: UUID) -> None:
    booked(hospital, range(3, 4), kind="dispute_won")

    run(hospital)

    assert faults(hospital) == {"charge:ch_3:captured": "booked_amount_differs"}


def test_a_sieve_leaves_exactly_what_holding_all_against_all_finds(hospital: UUID) -> None:
    exact = replace(provider.BOOKED, name="R1.exact", sieve=None, stores_matches=False)
    chance = Random(47)
    for number in chance.sample(range(80), 40):
        one = range(number, number + 1)
        for _ in range(chance.randrange(3)):
            captured(hospital, one, chance.choice([3_600, 7_200]))
        for kind in chance.sample(["payment_captured", "dispute_won", "refund_returned"], chance.randrange(4)):
            if number >= 50 or kind != "payment_captured":
                booked(hospital, one, chance.choice([3_600, 7_200]), currency=chance.choice(["CNY", "HKD"]), kind=kind)

    sifted, whole = run(hospital, "full"), run(hospital, "full", exact)

    assert (sifted.checked_count, sifted.open_count) == (whole.checked_count, whole.open_count)
    assert items(hospital, "R1.booked") == items(hospital, "R1.exact")
    assert len(set(faults(hospital).values())) == 5


def test_the_full_run_resolves_what_is_gone_from_both_sides(hospital: UUID, as_superuser: Callable[..., None]) -> None:
    captured(hospital, range(50, 51))
    run(hospital)
    as_superuser("DELETE FROM payment WHERE tenant_id = %s AND provider_charge_id = 'ch_50'", hospital)

    full = run(hospital, "full")

    assert (full.checked_count, full.open_count, faults(hospital)) == (50, 0, {})
    assert items(hospital) == {"charge:ch_50:captured": "gone"}


def test_more_changes_than_are_looked_at_by_key_are_looked_at_all_at_once(
    hospital: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "MOST_KEYS", 2)
    run(hospital)
    captured(hospital, range(50, 53))

    found, again = run(hospital), run(hospital)

    assert (found.mode, found.checked_count, found.open_count) == ("full", 53, 3)
    assert (again.mode, again.checked_count, again.open_count) == ("incremental", 0, 3)


def test_a_restored_server_whose_transactions_count_anew_is_looked_at_whole(
    hospital: UUID, as_superuser: Callable[..., None]
) -> None:
    run(hospital)
    as_superuser(
        "UPDATE recon_watermark SET position = position + 1000000000 WHERE tenant_id = %s AND source = 'xid'", hospital
    )

    assert run(hospital).mode == "full"


def test_a_thousandfold_fault_parks_the_comparison_loudly_as_one_difference(hospital: UUID) -> None:
    strict = Rules(values={"guard_floor": 20})
    run(hospital, rules=strict)
    captured(hospital, range(100, 200))

    parked, still = run(hospital, rules=strict), run(hospital, rules=strict)

    assert (parked.is_parked, parked.new_count, still.is_parked) == (True, 100, True)
    assert faults(hospital) == {"parked:R1.booked": "pass_parked"}
    assert sum(status == "differs" for status in items(hospital).values()) == 100


class Killed(BaseException):
    """The worker is gone."""


def _one_fen_more(hospital: UUID, charge: str, which: slice) -> None:
    with acting_for(hospital), transaction():
        known = {"t": hospital, "c": charge}
        of_charge = "FROM payment WHERE tenant_id = :t AND provider_charge_id = :c"
        ids = list(session.execute(text(f"SELECT id {of_charge} ORDER BY id"), known).scalars())[which]
        more = "UPDATE payment SET amount_minor = amount_minor + 1 WHERE tenant_id = :t AND id = ANY(:ids)"
        session.execute(text(more), {"t": hospital, "ids": ids})


def _expected_minor(hospital: UUID) -> int:
    """What the only difference says our side comes to."""
    with acting_for(hospital):
        said = text("SELECT expected_minor FROM discrepancy WHERE tenant_id = :t")
        return int(session.execute(said, {"t": hospital}).scalar_one())
