"""Many writers, one book: no gap, no deadlock, nothing booked twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tandem.billing.ledger import JournalDraft, Line, balances, post
from tandem.billing.ledger.sealing import body_hash
from tandem.billing.ledger.verification import verify_books
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)


def a_fact(key: int, amount_minor: int = 100) -> JournalDraft:
    return JournalDraft(
        kind="payment_captured",
        key=str(key),
        effective_at=NOON,
        lines=[Line("cash.psp", amount_minor), Line("ar.patient", -amount_minor)],
        source_type="payment",
        source_id=str(key),
    )


def test_writers_at_once_who_tell_the_same_facts_in_any_order_book_each_once(app: Flask) -> None:
    hospital = new_id()

    def tell(keys: list[int]) -> None:
        with app.app_context(), acting_for(hospital), transaction():
            post([a_fact(key) for key in keys])

    orders = [list(range(40)), list(range(39, -1, -1)), list(range(0, 40, 2)), list(range(1, 40, 2))]
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(tell, orders * 2))

    with acting_for(hospital):
        (verdict,) = verify_books()
        assert verdict.is_sound, verdict.faults
        assert verdict.journals == 40
        assert {row["code"]: row["balance_minor"] for row in balances()} == {"cash.psp": 4_000, "ar.patient": -4_000}


def test_writers_who_name_the_same_accounts_in_opposite_orders_never_wait_for_each_other_in_a_circle(
    app: Flask,
) -> None:
    hospital, codes = new_id(), ["cash.psp", "cash.bank", "ar.patient", "rev.other", "exp.psp_fee", "tax.vat"]

    def storm(writer: int) -> int:
        order = codes if writer % 2 else codes[::-1]
        booked = 0
        for n in range(6):
            lines = [Line(code, amount) for code, amount in zip(order, (3, -1, -2, 5, -4, -1), strict=True)]
            drafts = [JournalDraft("storm", f"{writer}:{n}:{each}", NOON, lines, "storm", str(n)) for each in range(5)]
            with app.app_context(), acting_for(hospital, statement_timeout_ms=20_000), transaction():
                session.execute(text("SET LOCAL lock_timeout = '20s'"))
                booked += len(post(drafts).journal_ids)
        return booked

    with ThreadPoolExecutor(8) as writers:
        booked = sum(writers.map(storm, range(8)))

    with acting_for(hospital):
        (verdict,) = verify_books()
        assert verdict.is_sound, verdict.faults
        assert (booked, verdict.journals, verdict.entries) == (240, 240, 1_440)


def test_one_bad_item_of_ten_thousand_is_refused_and_the_others_are_booked(app: Flask) -> None:
    hospital, drafts = new_id(), [a_fact(key) for key in range(10_000)]
    drafts[7_777] = _spoilt(drafts[7_777])

    with app.app_context(), acting_for(hospital, statement_timeout_ms=20_000), transaction():
        result = post(drafts, partly=True)

        assert [n for n, item in enumerate(result.items) if item.outcome == "refused"] == [7_777]
        assert result.items[7_777].refusal is result.refusals[0]
        assert [item.seq for item in result.items[7_776:7_779]] == [7_777, None, 7_778]
        assert verify_books()[0].is_sound


@pytest.mark.usefixtures("app")
@settings(max_examples=25)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from([100, 100, 100, 250]), st.booleans()), max_size=6),
        max_size=5,
    )
)
def test_a_random_history_ends_as_a_ledger_of_plain_dictionaries_says(
    app: Flask, batches: list[list[tuple[int, int, bool]]]
) -> None:
    hospital = new_id()
    booked: dict[int, int] = {}
    with app.app_context():
        for batch in batches:
            drafts = [_spoilt(a_fact(key, amount)) if spoilt else a_fact(key, amount) for key, amount, spoilt in batch]
            with acting_for(hospital), transaction():
                outcomes = [item.outcome for item in post(drafts, partly=True).items]

            assert outcomes == [_expected(booked, *fact) for fact in batch]
        assert _sums(hospital) == ({"cash.psp": sum(booked.values())} if booked else {})


def _expected(booked: dict[int, int], key: int, amount: int, spoilt: bool) -> str:
    if key in booked:
        return "duplicate" if booked[key] == amount and not spoilt else "refused"
    if spoilt:
        return "refused"
    booked[key] = amount
    return "posted"


def _spoilt(draft: JournalDraft) -> JournalDraft:
    cash, owed = draft.lines
    spoilt = Line(owed.account_code, owed.amount_minor + 1)
    facts = {name: getattr(draft, name) for name in ("kind", "key", "effective_at", "source_type", "source_id")}
    return JournalDraft(lines=[cash, spoilt], **facts)


def _sums(hospital: UUID) -> dict[str, int]:
    with acting_for(hospital):
        assert all(verdict.is_sound for verdict in verify_books())
        return {row["code"]: row["balance_minor"] for row in balances() if row["code"] == "cash.psp"}


@given(st.integers(-(2**62), 2**62).filter(bool), st.integers(-(2**62), 2**62).filter(bool))
def test_two_drafts_hash_alike_only_if_they_say_the_same(one: int, other: int) -> None:
    assert (body_hash(a_fact(1, one)) == body_hash(a_fact(1, other))) is (one == other)
