"""Every pass finds exactly the fault that was planted for it: by looking at what changed, and by looking at all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from tandem.billing.invoices.commands.booking import book_invoice
from tandem.billing.ledger import journal_by_rule, mirror_book, post
from tandem.billing.ledger.verification import verify_mirrors
from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.findings import PASSES
from tandem.billing.reconciliation.jobs import reconcile_employer_last_night, reconcile_fully
from tandem.billing.reconciliation.matching import Mode
from tandem.billing.reconciliation.passes import fapiao
from tandem.billing.reconciliation.proposals import NO_JOURNAL
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.invoices.money import a_customer, a_line, issued
from tests.platform.billing.money import NOON, a_hospital_with_an_agreement
from tests.platform.billing.reconciliation.histories import faults
from tests.platform.billing.reconciliation.planted import (
    STORIES,
    Scene,
    Story,
    a_ceiling_lowered_afterwards,
    a_credit_note_on_an_invoice_with_a_fapiao,
    a_priced_visit,
    accrued,
    an_invoice,
)


@pytest.fixture
def scene(app: object, as_superuser: Callable[..., None], at: Callable[[datetime], None]) -> Scene:
    return Scene(a_hospital_with_an_agreement(), as_superuser, at)


def look(scene: Scene, story: Story, mode: Mode) -> dict[str, str]:
    """One run of the story's comparison, and what it left open."""
    with acting_for(scene.hospital), transaction():
        commands.compare(story.comparison, mode, *clock.day_bounds(NOON.date()))
    return faults(scene.hospital)


@pytest.mark.parametrize("story", STORIES, ids=[story.plant.__name__ for story in STORIES])
def test_what_was_planted_is_found_exactly_by_the_next_run_and_by_a_full_one(scene: Scene, story: Story) -> None:
    story.arrange(scene)
    healthy = look(scene, story, "full")

    planted = story.plant(scene)
    by_the_next_run = look(scene, story, story.mode)
    scene.forget()
    by_a_full_run = look(scene, story, "full")

    assert healthy == {}
    assert by_the_next_run == by_a_full_run == planted
    assert proposes_a_journal_or_says_why_not(scene.hospital)


def test_a_credit_on_a_programmes_prepayment_wants_its_red_letter_like_any_other(
    app: object, as_superuser: Callable[..., None], at: Callable[[datetime], None]
) -> None:
    at(datetime(2026, 12, 1, 4, tzinfo=UTC))
    scene = Scene(a_customer(), as_superuser, at)
    an_invoice(scene, programme_id=new_id())
    story = Story(a_credit_note_on_an_invoice_with_a_fapiao, fapiao.FAPIAO)
    look(scene, story, "full")

    planted = story.plant(scene)

    assert look(scene, story, story.mode) == planted


CRIMES = {
    "rollup_differs": "UPDATE usage_rollup SET event_count = event_count + 1, fact_count = fact_count + 1",
    "invoice_not_booked": "UPDATE journal SET idem_key = idem_key || '-' WHERE kind = 'hospital_invoice_issued'",
    "mirror_missing": "UPDATE mirror_cursor SET mirrored_seq = 1000",
    "book_unsound": "UPDATE entry SET amount_minor = amount_minor + 1 WHERE seq = 1 AND line_no = 1",
}
"""What other books, documents, seals and counts say (R4 to R7), each with how it is made to differ."""


def test_what_no_single_statement_compares_is_found_by_the_nightly_and_by_the_full_run(scene: Scene) -> None:
    scene.at(NOON + timedelta(hours=6))
    row = issued(scene.hospital, a_line(10_600))
    accrued(scene)
    with acting_for(scene.hospital), transaction():
        book_invoice(row.id)
    scene.at(NOON + timedelta(days=1))
    with acting_for(scene.hospital):
        reconcile_fully()
    healthy = faults(scene.hospital)

    for crime in CRIMES.values():
        scene.alter(f"{crime} {'AND' if 'WHERE' in crime else 'WHERE'} tenant_id = %s", scene.hospital)
    accrued(scene)
    with acting_for(scene.hospital):
        # The nightly run of a book that has no provider to be asked.
        reconcile_employer_last_night(clock.now())
    nightly = faults(scene.hospital)
    scene.forget()
    with acting_for(scene.hospital):
        reconcile_fully()

    assert CRIMES.keys() <= set(nightly.values()) - set(healthy.values())
    assert nightly == faults(scene.hospital)


def test_a_correction_of_draws_that_the_operators_book_mirrors_otherwise_or_not_at_all_is_found(scene: Scene) -> None:
    employer = a_customer()
    corrected(employer, "two visits", -16_000)
    with acting_for(employer):
        mirror_book()
        reconcile_fully()
    healthy = faults(employer)

    scene.alter("UPDATE entry SET amount_minor = amount_minor + sign(amount_minor) WHERE tenant_id = %s", employer)
    scene.alter("UPDATE mirror_cursor SET mirrored_seq = 1000 WHERE tenant_id = %s", employer)
    corrected(employer, "one visit", -8_000)
    with acting_for(employer):
        reconcile_fully()

    assert healthy == {}
    found = [kind for kind in faults(employer).values() if kind.startswith("mirror_")]
    assert sorted(found) == ["mirror_differs", "mirror_missing"]
    told = verify_mirrors(employer)
    assert told == [
        "journal 1 (draws_adjusted): -16001 here, 16000 mirrored",
        "journal 2 (draws_adjusted): -8000 here, None mirrored",
    ]


def corrected(employer: UUID, key: str, adjustment: int) -> None:
    """What employer and operator agreed that visits drew less."""
    with acting_for(employer), transaction():
        post([
            journal_by_rule(
                "draws_adjusted", amounts={"adjustment": adjustment}, parties={"programme": new_id()}, key=key,
                effective_at=NOON, source_type="employer_statement", source_id=new_id(), correlation_id=new_id(),
            )
        ])  # fmt: skip


def test_every_comparison_has_a_planted_fault() -> None:
    assert {story.comparison.name for story in STORIES} == {each.name for each in commands.COMPARISONS}
    assert {story.comparison.reconciliation_pass for story in STORIES} | {"R4", "R6", "R7"} == set(PASSES)


def test_a_refund_down_to_the_ceiling_mends_what_was_charged_above_it(scene: Scene) -> None:
    (story,) = (each for each in STORIES if each.plant is a_ceiling_lowered_afterwards)
    a_priced_visit(scene)
    a_ceiling_lowered_afterwards(scene)
    charged = look(scene, story, "incremental")

    with acting_for(scene.hospital), transaction():
        session.execute(text("UPDATE payment SET refunded_minor = 200 WHERE tenant_id = :t"), {"t": scene.hospital})

    assert set(charged.values()) == {"charged_above_ceiling"}
    assert look(scene, story, "incremental") == {}


def proposes_a_journal_or_says_why_not(hospital: UUID) -> bool:
    with acting_for(hospital):
        told = session.execute(
            text("SELECT proposed_journal, no_journal_because FROM discrepancy WHERE tenant_id = :t"), {"t": hospital}
        ).all()
    return all((row[0] is None) == (row[1] in NO_JOURNAL) for row in told)
