"""Faults, each planted once: through the books' own doors, or by a hand that no door lets in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, text

from tandem.billing import rating, settlements
from tandem.billing.fapiao import Wanted, record_issued, request_fapiao
from tandem.billing.invoices import Invoice
from tandem.billing.invoices.commands.booking import book_credit_note, book_invoice
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.billing.payments import BalanceTransaction, Payment, Payout
from tandem.billing.payments.commands import compose_payout
from tandem.billing.prices import PriceBasis, add_price_ceiling
from tandem.billing.reconciliation.matching import Comparison, Mode
from tandem.billing.reconciliation.passes import (
    bank,
    books,
    ceilings,
    documents,
    fapiao,
    metering,
    provider,
    splits,
    use,
)
from tandem.billing.settlements.commands import reverse_refund
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.invoices.money import a_line, credited, issued
from tests.platform.billing.money import NOON, a_delivered_visit, a_payment, a_refund
from tests.platform.billing.rating.plans import a_component, a_plan, a_subscription, rate
from tests.platform.billing.rating.plans import use as used
from tests.platform.billing.reconciliation.histories import booked, captured
from tests.platform.billing.usage.metering import a_meter

Faults = Mapping[str, str]
Alter = Callable[..., None]
LATE = date(2026, 9, 2)


@dataclass
class Scene:
    """A hospital, somebody with every right on the server, and the clock."""

    hospital: UUID
    alter: Alter
    at: Callable[[datetime], None]

    def forget(self) -> None:
        """Reconciliation has never run here."""
        for table in ("recon_item", "recon_watermark", "discrepancy", "discrepancy_step"):
            self.alter(f"DELETE FROM {table} WHERE tenant_id = %s", self.hospital)


def moved(tenant: UUID, name: str, amount_minor: int, *, source: str, fee_minor: int = 0, **changes: Any) -> None:
    """A movement as the provider told it, posted under its charge's capture."""
    row = {
        "tenant_id": tenant, "id": new_id(), "provider_id": name, "kind": "charge", "reporting_category": "charge",
        "amount_minor": amount_minor, "fee_minor": fee_minor, "net_minor": amount_minor - fee_minor, "currency": "CNY",
        "source_id": source, "posted_as": f"charge:{source}:captured", "provider_created_at": NOON,
        "available_at": NOON, "fetched_at": NOON,
    }  # fmt: skip
    with acting_for(tenant), transaction():
        session.execute(insert(BalanceTransaction), [row | changes])


def paid_out(tenant: UUID, name: str, amount_minor: int, **changes: Any) -> UUID:
    """Money that the provider has sent."""
    row = {
        "tenant_id": tenant, "id": new_id(), "provider_payout_id": name, "amount_minor": amount_minor,
        "currency": "CNY", "status": "paid", "is_automatic": True, "is_posted": True, "is_reversed": False,
        "is_composed": True, "sent_at": NOON, "arrives_at": NOON,
    }  # fmt: skip
    with acting_for(tenant), transaction():
        session.execute(insert(Payout), [row | changes])
    return UUID(str(row["id"]))


def paid_and_told(scene: Scene) -> None:
    """Three payments, captured, booked, moved and their fees taken."""
    captured(scene.hospital, range(3))
    booked(scene.hospital, range(3))
    for number in range(3):
        moved(scene.hospital, f"txn_{number}", 7_200, source=f"ch_{number}")


def a_capture_without_its_journal(scene: Scene) -> Faults:
    captured(scene.hospital, range(7, 8))
    return {"charge:ch_7:captured": "fact_not_booked"}


def a_movement_of_another_sum(scene: Scene) -> Faults:
    captured(scene.hospital, range(7, 8))
    moved(scene.hospital, "txn_7", 7_100, source="ch_7")
    return {"moved:charge:ch_7:captured": "moved_amount_differs"}


def a_movement_without_its_journal(scene: Scene) -> Faults:
    moved(scene.hospital, "txn_7", 7_200, source="ch_7")
    return {"bt:txn_7": "movement_not_booked"}


def a_fee_that_was_not_booked(scene: Scene) -> Faults:
    moved(scene.hospital, "txn_7", 7_200, source="ch_7", fee_minor=239)
    return {"fee:txn_7": "fee_not_booked"}


def a_fee_off_the_list(scene: Scene) -> Faults:
    captured(scene.hospital, range(7, 8))
    moved(scene.hospital, "txn_7", 7_200, source="ch_7", fee_minor=240)
    return {"fee_off_list:txn_7": "fee_off_list"}


def a_payout_by_hand_beyond_what_came_in(scene: Scene) -> Faults:
    payout = paid_out(scene.hospital, "po_hand", 21_601, is_automatic=False)
    return {f"composed:{payout}": "payout_beyond_movements"}


def a_payout_that_lacks_a_movement(scene: Scene) -> Faults:
    whole, lacking = (paid_out(scene.hospital, name, 7_200) for name in ("po_whole", "po_lacking"))
    with acting_for(scene.hospital), transaction():
        compose_payout("po_whole", ["txn_0"])
        compose_payout("po_lacking", ["txn_unheard_of"])
    assert whole != lacking
    return {f"parts:{lacking}": "payout_parts_differ"}


def a_payout_that_never_arrived(scene: Scene) -> Faults:
    payout = paid_out(scene.hospital, "po_late", 100)
    row = {
        "tenant": scene.hospital, "id": new_id(), "sha": "0" * 64, "at": NOON,
    }  # fmt: skip
    with acting_for(scene.hospital), transaction():
        session.execute(
            text("INSERT INTO bank_statement (tenant_id, id, account, profile, file_sha256, line_count, known_count, "
                 "uploaded_at, uploaded_by) VALUES (:tenant, :id, '6222', 'generic', :sha, 1, 0, :at, 'finance')"), row
        )  # fmt: skip
    return {f"payout:{payout}": "payout_not_at_bank"}


def accrued(scene: Scene) -> None:
    """A paid visit under the agreement, a part given back, everything accrued."""
    payment = a_payment(scene.hospital)
    a_delivered_visit(scene.hospital, payment)
    with acting_for(scene.hospital), transaction():
        settlements.accrue_missing(clock.now())
    refund = a_refund(scene.hospital, payment, 1_000)
    with acting_for(scene.hospital), transaction():
        reverse_refund(refund)


def a_use_that_was_not_accrued(scene: Scene) -> Faults:
    visit = a_delivered_visit(scene.hospital, a_payment(scene.hospital))
    return {f"usage:{visit}": "usage_not_accrued"}


def a_use_that_nobody_paid(scene: Scene) -> Faults:
    return {f"unpaid:{a_delivered_visit(scene.hospital, None)}": "usage_unpaid"}


def a_service_said_to_be_delivered_without_use(scene: Scene) -> Faults:
    payment = a_payment(scene.hospital)
    with acting_for(scene.hospital), transaction():
        session.get_one(Payment, (scene.hospital, payment)).completed_at = NOON
    return {f"payment:{payment}": "paid_not_metered"}


def a_fee_booked_by_hand(scene: Scene) -> Faults:
    lines = [Line("exp.operator_fee", 77), Line("ap.operator", -77)]
    by_hand = JournalDraft("operator_fee", "by hand", NOON, lines, "usage_event", new_id())
    with acting_for(scene.hospital), transaction():
        post([by_hand])
    return {"fees:2026-09-01:CNY": "fees_differ"}


def a_rated_month(scene: Scene) -> None:
    """A subscription whose September is rated and claimed."""
    meter = a_meter()
    plan = a_plan(a_component("per_unit", meter, unit_price=Decimal(100)))
    a_subscription(scene.hospital, plan)
    used(scene.hospital, meter, 3)
    rate(scene.hospital)


def a_month_rated_yesterday(scene: Scene) -> None:
    """The same, with all of its time to be billed before it."""
    scene.at(datetime.fromisoformat("2026-10-02T00:00:00+00:00"))
    a_rated_month(scene)


def meter_of(scene: Scene) -> str:
    with acting_for(scene.hospital):
        return str(session.execute(text("SELECT min(meter) FROM usage_rollup WHERE tenant_id = :t"),
                                   {"t": scene.hospital}).scalar_one())  # fmt: skip


def a_use_that_came_after_its_rating(scene: Scene) -> Faults:
    meter = meter_of(scene)
    used(scene.hospital, meter, 2, day=LATE)
    return {f"claimed:{meter}:2026-09-02 04:00:00+00:all": "usage_late"}


def a_use_that_rating_passed_over(scene: Scene) -> Faults:
    meter = meter_of(scene)
    scene.alter("UPDATE usage_gate SET closed_until = '2026-09-01' WHERE tenant_id = %s", scene.hospital)
    used(scene.hospital, meter, 2, day=LATE)
    return {f"claimed:{meter}:2026-09-02 04:00:00+00:all": "usage_unclaimed"}


def a_use_that_two_subscriptions_claim(scene: Scene) -> Faults:
    meter = meter_of(scene)
    scene.alter(
        "INSERT INTO rated_line SELECT (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(), "
        "'subscription_id', gen_random_uuid()))).* FROM rated_line l WHERE tenant_id = %s", scene.hospital,
    )  # fmt: skip
    scene.alter(
        "INSERT INTO usage_claim SELECT (jsonb_populate_record(c, jsonb_build_object('fact_count', 99, "
        "'changed_xid', pg_current_xact_id()::text::bigint, 'rated_line_id', (SELECT l.id FROM rated_line l "
        "WHERE l.tenant_id = c.tenant_id AND l.id <> c.rated_line_id)))).* FROM usage_claim c WHERE tenant_id = %s",
        scene.hospital,
    )
    return {f"claimed:{meter}:2026-09-01 04:00:00+00:all": "usage_claimed_twice"}


def a_rated_line_that_nobody_bills(scene: Scene) -> Faults:
    scene.at(datetime.fromisoformat("2027-01-01T00:00:00+00:00"))
    with acting_for(scene.hospital):
        (line,) = rating.rated_lines(date(2026, 9, 1))
    return {f"billed:{line['id']}": "line_not_billed"}


def money_that_stays_in_suspense(scene: Scene) -> Faults:
    lines = [Line("cash.psp", 500), Line("suspense", -500)]
    with acting_for(scene.hospital), transaction():
        post([JournalDraft("psp_unexplained", "movement:x", NOON, lines, "balance_transaction", new_id())])
    return {"clearing:suspense:CNY": "clearing_stale"}


def a_fee_one_fen_beyond_its_agreement(scene: Scene) -> Faults:
    scene.alter("UPDATE fee_accrual SET fee_minor = fee_minor + 1 WHERE tenant_id = %s", scene.hospital)
    return {f"split:{the_id(scene, 'fee_accrual')}": "split_differs"}


def a_reversal_one_fen_off(scene: Scene) -> Faults:
    scene.alter("UPDATE fee_reversal SET fee_minor = fee_minor + 1 WHERE tenant_id = %s", scene.hospital)
    return {f"reversed:{the_id(scene, 'fee_accrual')}": "reversal_differs"}


def a_priced_visit(scene: Scene) -> None:
    """A visit of 72 yuan where nothing binds yet."""
    basis = PriceBasis(f"region-{scene.hospital}", "3A", "follow-up")
    a_delivered_visit(scene.hospital, a_payment(scene.hospital), priced_as=basis)


def a_ceiling_lowered_afterwards(scene: Scene) -> Faults:
    with acting_for(OPERATOR_ID, operator=True), transaction():
        add_price_ceiling(
            region=f"region-{scene.hospital}", grade="3A", item="follow-up", ceiling=Money(7_000),
            effective_from=date(2026, 8, 1), effective_to=None, circular="浙医保〔2026〕9号",
        )  # fmt: skip
    return {f"ceiling:{the_id(scene, 'usage_event')}": "charged_above_ceiling"}


def an_invoice(scene: Scene, **changes: Any) -> None:
    """An invoice, issued and booked, with a fapiao of all of it."""
    row = issued(scene.hospital, a_line(10_600), **changes)
    with acting_for(scene.hospital), transaction():
        book_invoice(row.id)
        blue = request_fapiao(row.id)
        record_issued(blue.id, code="", number=new_id().hex[:20], file_sha256="ab" * 32, issued_on=NOON.date())


def a_document_altered_before_it_was_booked(scene: Scene) -> Faults:
    row = issued(scene.hospital, a_line(10_600))
    scene.alter("UPDATE invoice_line SET net_minor = net_minor - 1 WHERE invoice_id = %s", row.id)
    with acting_for(scene.hospital), transaction():
        book_invoice(row.id)
    return {f"document:{row.id}": "document_sums_differ"}


def a_credit_that_no_note_says(scene: Scene) -> Faults:
    row = issued(scene.hospital, a_line(10_600))
    scene.alter("UPDATE invoice SET credited_minor = 600 WHERE id = %s", row.id)
    with acting_for(scene.hospital), transaction():
        book_invoice(row.id)
    return {f"document:{row.id}": "credits_differ"}


def a_credit_note_on_an_invoice_with_a_fapiao(scene: Scene) -> Faults:
    with acting_for(scene.hospital):
        row = session.scalars(select(Invoice).where(Invoice.tenant_id == scene.hospital)).one()
    note = credited(row)
    with acting_for(scene.hospital), transaction():
        book_credit_note(note.id)
    return {f"invoice:{row.id}": "red_letter_missing"}


def a_fapiao_that_nobody_answers(scene: Scene) -> Faults:
    row = issued(scene.hospital, a_line(500))
    with acting_for(scene.hospital), transaction():
        asked = request_fapiao(row.id)
    scene.at(clock.now() + timedelta(days=31))
    return {f"fapiao:{asked.id}": "fapiao_waiting"}


def a_fapiao_hold_that_is_one_fen_too_large(scene: Scene) -> Faults:
    row = issued(scene.hospital, a_line(500))
    scene.alter("UPDATE invoice SET fapiao_minor = 1 WHERE id = %s", row.id)
    with acting_for(scene.hospital), transaction():
        request_fapiao(row.id, lines=[Wanted(1, 300)])
    return {f"invoice:{row.id}": "fapiao_held_differs"}


def the_id(scene: Scene, table: str) -> UUID:
    """The one row of a table."""
    with acting_for(scene.hospital):
        found = session.execute(text(f"SELECT id FROM {table} WHERE tenant_id = :t"), {"t": scene.hospital})
        return UUID(str(found.scalar_one()))


@dataclass(frozen=True)
class Story:
    """A fault to plant into a healthy history, and the comparison that is there to find it.

    `mode` is "incremental" where a door let the fault in, so that the next run meets it; "day" where it lies on a day
    that the nightly run looks at besides, because nothing was written that says so.
    """

    plant: Callable[[Scene], Faults]
    comparison: Comparison
    arrange: Callable[[Scene], None] = lambda _: None
    mode: Mode = "incremental"


STORIES: Final = (
    Story(a_capture_without_its_journal, provider.BOOKED, paid_and_told),
    Story(a_movement_of_another_sum, provider.MOVED, paid_and_told),
    Story(a_movement_without_its_journal, provider.CARRIED, paid_and_told),
    Story(a_fee_that_was_not_booked, provider.FEES, paid_and_told),
    Story(a_fee_off_the_list, provider.LISTED_FEES),
    Story(a_payout_by_hand_beyond_what_came_in, bank.COMPOSED, paid_and_told),
    Story(a_payout_that_lacks_a_movement, bank.PAID_OUT, paid_and_told),
    Story(a_payout_that_never_arrived, bank.ARRIVED),
    Story(a_use_that_was_not_accrued, use.ACCRUED, accrued, "day"),
    Story(a_use_that_nobody_paid, use.PAID, accrued, "day"),
    Story(a_service_said_to_be_delivered_without_use, use.METERED, accrued),
    Story(a_fee_booked_by_hand, use.FEES_BY_DAY, accrued),
    Story(a_use_that_came_after_its_rating, metering.CLAIMED, a_rated_month),
    Story(a_use_that_rating_passed_over, metering.CLAIMED, a_rated_month),
    Story(a_use_that_two_subscriptions_claim, metering.CLAIMED, a_rated_month),
    Story(a_rated_line_that_nobody_bills, metering.BILLED, a_month_rated_yesterday),
    Story(money_that_stays_in_suspense, books.CLEARED),
    Story(a_fee_one_fen_beyond_its_agreement, splits.SPLIT, accrued, "day"),
    Story(a_reversal_one_fen_off, splits.REVERSED, accrued, "day"),
    Story(a_ceiling_lowered_afterwards, ceilings.CEILINGS, a_priced_visit),
    Story(a_document_altered_before_it_was_booked, documents.DOCUMENTS, an_invoice),
    Story(a_credit_that_no_note_says, documents.DOCUMENTS, an_invoice),
    Story(a_credit_note_on_an_invoice_with_a_fapiao, fapiao.FAPIAO, an_invoice),
    Story(a_fapiao_that_nobody_answers, fapiao.FAPIAO, an_invoice),
    Story(a_fapiao_hold_that_is_one_fen_too_large, fapiao.FAPIAO, an_invoice),
)
