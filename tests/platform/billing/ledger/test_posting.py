"""The books keep every promise of double entry, and the database keeps them without us."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError

from tandem.billing.ledger import (
    JournalDraft,
    Line,
    balance_minor,
    balances,
    lock_book,
    post,
    reversal_of,
    verify_books,
)
from tandem.billing.ledger.errors import (
    AccountUnknown,
    AlreadyReversed,
    JournalKeyReused,
    JournalTooShort,
    JournalUnbalanced,
    MoneyMixed,
    PartyMismatch,
    ReversalIsFinal,
)
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction

pytestmark = pytest.mark.usefixtures("app")
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)


def a_payment(key: str = "ch_1", amount_minor: int = 7_200, **changes: object) -> JournalDraft:
    facts = {
        "kind": "payment",
        "key": key,
        "effective_at": NOON,
        "lines": [Line("cash.psp", amount_minor), Line("ar.patient", -amount_minor)],
        "source_type": "payment",
        "source_id": key,
    }
    return JournalDraft(**(facts | changes))  # type: ignore[arg-type]  # a test's shorthand


@pytest.fixture
def hospital() -> UUID:
    return new_id()


def test_a_payment_is_booked_once_however_often_it_is_told(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        first = post([a_payment(), a_payment()])

    with acting_for(hospital), transaction():
        again = post([a_payment()])

        assert [item.outcome for item in first.items] == ["posted", "duplicate"]
        assert again.items[0].outcome == "duplicate"
        assert {*first.journal_ids, *again.journal_ids} == {first.journal_ids[0]}
        assert balance_minor("cash.psp") == 7_200


def test_a_large_batch_says_what_small_ones_say(hospital: UUID) -> None:
    drafts = [a_payment(f"ch_{n}", 100 + n, correlation_id=new_id() if n % 2 else None) for n in range(300)]
    drafts.append(a_payment("old", effective_at=datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)))
    with acting_for(hospital), transaction():
        at_once = post(drafts)

    with acting_for(hospital), transaction():
        again = [post([draft]).items[0] for draft in (drafts[0], drafts[299], drafts[300])]
        rows = session.execute(text("SELECT correlation_id, effective_at FROM journal ORDER BY seq")).all()

        assert [(each.outcome, each.seq) for each in again] == [("duplicate", 1), ("duplicate", 300), ("duplicate", 301)]
        assert [each.journal_id for each in again] == [at_once.items[n].journal_id for n in (0, 299, 300)]
        assert [tuple(row) for row in rows] == [(draft.correlation_id, draft.effective_at) for draft in drafts]
        assert balance_minor("cash.psp") == sum(draft.lines[0].amount_minor for draft in drafts)
        assert verify_books()[0].is_sound


def test_the_same_key_with_another_amount_is_refused(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment()])

    with acting_for(hospital), pytest.raises(JournalKeyReused), transaction():
        post([a_payment(amount_minor=7_300)])


def test_two_hospitals_may_use_the_same_key(hospital: UUID) -> None:
    for each in (hospital, new_id()):
        with acting_for(each), transaction():
            result = post([a_payment()])

        assert result.items[0].outcome == "posted"


def test_the_same_key_may_be_used_for_facts_of_two_kinds(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        result = post([a_payment("1"), a_payment("1", kind="another")])

        assert [item.outcome for item in result.items] == ["posted", "posted"]


def test_of_two_tellings_in_one_batch_the_refused_one_does_not_hide_the_other(hospital: UUID) -> None:
    unbalanced = [Line("cash.psp", 2), Line("ar.patient", -1)]

    with acting_for(hospital), transaction():
        result = post([a_payment("1", lines=unbalanced), a_payment("1"), a_payment("1", 7)], partly=True)

        assert [item.outcome for item in result.items] == ["refused", "posted", "refused"]
        assert [type(refusal) for refusal in result.refusals] == [JournalUnbalanced, JournalKeyReused]


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([Line("cash.psp", 7_200), Line("ar.patient", -7_199)], JournalUnbalanced),
        ([Line("exp.psp_fee", 7_200), Line("tax.vat", -7_199)], JournalUnbalanced),
        ([Line("cash.psp", 7_200)], JournalTooShort),
        ([Line("cash.psp", 0), Line("ar.patient", 0)], JournalTooShort),
        ([Line("cash.piggybank", 1), Line("ar.patient", -1)], AccountUnknown),
        ([Line("ar.hospital", 1), Line("inc.platform", -1)], PartyMismatch),
    ],
    ids=["unbalanced by one unit", "unbalanced and not medical", "one line", "lines of nothing", "no such account", "a party left out"],
)
def test_one_bad_item_is_refused_with_its_reason_and_the_others_are_booked(
    hospital: UUID, lines: list[Line], refusal: type[Exception]
) -> None:
    with acting_for(hospital), transaction():
        result = post([a_payment("a"), a_payment("b", lines=lines), a_payment("c")], partly=True)

        assert [item.outcome for item in result.items] == ["posted", "refused", "posted"]
        assert isinstance(result.refusals[0], refusal)
        assert balance_minor("cash.psp") == 14_400


def test_without_partly_one_bad_item_books_nothing(hospital: UUID) -> None:
    with acting_for(hospital), pytest.raises(JournalUnbalanced), transaction():
        post([a_payment("a"), a_payment("b", lines=[Line("cash.psp", 2), Line("ar.patient", -1)])])

    with acting_for(hospital), transaction():
        assert balances() == []


def test_a_journal_is_reversed_once_and_a_reversal_never(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        paid = post([a_payment()]).journal_ids[0]
        undone = post([reversal_of(paid, kind="reversal", key="1", effective_at=NOON)]).journal_ids[0]

        again = reversal_of(paid, kind="reversal", key="2", effective_at=NOON)
        undoing = reversal_of(undone, kind="reversal", key="3", effective_at=NOON)
        result = post([again, undoing], partly=True)

        assert [type(refusal) for refusal in result.refusals] == [AlreadyReversed, ReversalIsFinal]
        assert balance_minor("cash.psp") == 0


def test_a_backdated_entry_changes_balances_as_of_its_day(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("today"), a_payment("late", 100, effective_at=NOON - timedelta(days=3))])

        as_of = {row["code"]: row["balance_minor"] for row in balances(at=NOON)}

    assert as_of == {"cash.psp": 100, "ar.patient": -100}


def test_a_patients_money_never_enters_the_operators_cash() -> None:
    with acting_for(OPERATOR_ID), pytest.raises(MoneyMixed), transaction():
        post([a_payment(str(new_id()))])


def test_the_database_itself_refuses_medical_accounts_in_the_operators_book() -> None:
    with acting_for(OPERATOR_ID), pytest.raises(IntegrityError, match="no_medical_money"), transaction():
        book = lock_book()
        session.execute(
            text(
                "INSERT INTO account (tenant_id, id, book_id, code, kind, fund, is_interparty) "
                "VALUES (:tenant, :id, :book, 'ar.patient', 'asset', 'medical', false)"
            ),
            {"tenant": OPERATOR_ID, "id": new_id(), "book": book.id},
        )


@pytest.mark.parametrize(
    ("amounts", "funds", "refused_by"),
    [
        ((7_200, -7_199), ("other", "other"), "off by 1"),
        ((7_200, -7_200), ("operator_cash", "medical"), "do not meet"),
    ],
    ids=["off by one unit", "medical money and the operator's cash"],
)
def test_the_database_itself_proves_every_batch_of_entries(
    hospital: UUID, amounts: tuple[int, int], funds: tuple[str, str], refused_by: str
) -> None:
    with acting_for(hospital), pytest.raises(IntegrityError, match=refused_by), transaction():
        book = lock_book()
        rows = [
            {"tenant": hospital, "book": book.id, "line": n, "account": new_id(), "amount": amount, "fund": fund}
            for n, (amount, fund) in enumerate(zip(amounts, funds, strict=True))
        ]
        values = ", ".join(f"(:tenant, :book, 1, {n}, :account{n}, :amount{n}, 'CNY', :fund{n})" for n in range(2))
        facts = {f"{name}{n}": row[name] for n, row in enumerate(rows) for name in ("account", "amount", "fund")}
        session.execute(
            text(
                "INSERT INTO entry (tenant_id, book_id, seq, line_no, account_id, amount_minor, currency, fund) "
                f"VALUES {values}"
            ),
            facts | {"tenant": hospital, "book": book.id},
        )


def test_a_leg_to_another_tenants_account_is_written_by_nobody(hospital: UUID) -> None:
    other = new_id()
    for tenant in (hospital, other):
        with acting_for(tenant), transaction():
            post([a_payment()])

    with acting_for(hospital), pytest.raises(DatabaseError, match="row-level security"), transaction():
        session.execute(
            text("INSERT INTO entry (tenant_id, book_id, seq, line_no, account_id, amount_minor, currency, fund) "
                 "SELECT :other, b.id, 2, 1, :account, 7200, 'CNY', 'other' FROM book b WHERE b.tenant_id = :mine"),
            {"mine": hospital, "other": other, "account": new_id()},
        )  # fmt: skip

    with acting_for(other):
        assert balance_minor("cash.psp") == 7_200


@pytest.mark.parametrize("table", ["journal", "entry"])
@pytest.mark.parametrize("change", ["UPDATE {} SET seq = 9", "DELETE FROM {}"])
def test_nobody_changes_what_is_booked(hospital: UUID, table: str, change: str) -> None:
    with acting_for(hospital), transaction():
        post([a_payment()])

    with acting_for(hospital), pytest.raises(DatabaseError, match="permission denied"), transaction():
        session.execute(text(change.format(table)))


def test_the_operators_role_reads_a_hospitals_book_and_writes_none(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment()])

    with acting_for(hospital, operator=True), transaction():
        assert balance_minor("cash.psp") == 7_200
    with acting_for(hospital, operator=True), pytest.raises(DatabaseError, match="permission denied"), transaction():
        post([a_payment("another")])
