"""Every pass finds exactly the fault that was planted for it: by looking at what changed, and by looking at all."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.findings import PASSES
from tandem.billing.reconciliation.matching import Mode
from tandem.billing.reconciliation.proposals import NO_JOURNAL
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.money import NOON, a_hospital_with_an_agreement
from tests.platform.billing.reconciliation.histories import faults
from tests.platform.billing.reconciliation.planted import (
    STORIES,
    Scene,
    Story,
    a_ceiling_lowered_afterwards,
    a_priced_visit,
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
