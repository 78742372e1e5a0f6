"""Banks' files: read whole or refused whole, matched rung by rung, and what is left over has an owner."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, text

from tandem.billing.payments import Payout
from tandem.billing.reconciliation.bank_files import read_bank_file
from tandem.billing.reconciliation.jobs import match_bank_lines
from tandem.billing.reconciliation.passes import bank
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once, staff
from tests.platform.billing.invoices.money import a_customer, a_line, issued
from tests.platform.billing.reconciliation.histories import RULES, faults
from tests.platform.billing.reconciliation.histories import run as run_one

HEADER = "日期,金额,币种,摘要,流水号,对方户名\n"
DAY = datetime(2026, 9, 3, 4, tzinfo=UTC)
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId>
<CreDtTm>2026-09-03T00:00:00</CreDtTm></GrpHdr><Stmt><Id>1</Id><Acct><Id><Othr><Id>6222</Id></Othr></Id></Acct>
<Ntry><Amt Ccy="CNY">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-09-03</Dt></BookgDt>
<AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>payout po_camt</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


class Bank:
    """One hospital, its finance office, and the bank that sends it files."""

    def __init__(self, client: FlaskClient, work: Callable[..., int]) -> None:
        self.client, self.work, self.hospital = client, work, a_hospital()
        self.key = a_key(self.hospital, "hospital", "hospital_finance")

    def send(self, content: str | bytes, profile: str = "generic") -> tuple[int, dict[str, object]]:
        body = content if isinstance(content, bytes) else content.encode()
        kind = "application/xml" if profile == "camt053" else "text/csv"
        answer = self.client.post(
            f"/api/hospital/v1/bank_statements?account=6222&profile={profile}",
            data=body,
            headers=self.key | once() | {"Content-Type": kind},
        )
        return answer.status_code, answer.json

    def settle(self) -> dict[str, str]:
        """Match what there is, and return what differs by kind and key."""
        self.work(self.hospital)
        run_one(self.hospital, "full", bank.ARRIVED)
        return faults(self.hospital)

    def claims(self) -> dict[str, int]:
        """How many payouts each rung has taken."""
        with acting_for(self.hospital):
            found = session.execute(
                text("SELECT rule, count(*) FROM recon_claim WHERE tenant_id = :t AND side = 'payout' GROUP BY rule"),
                {"t": self.hospital},
            )
            return {row.rule: row[1] for row in found}

    def lines(self) -> int:
        with acting_for(self.hospital):
            return int(
                session.execute(
                    text("SELECT count(*) FROM bank_line WHERE tenant_id = :t"), {"t": self.hospital}
                ).scalar_one()
            )


@pytest.fixture
def till(client: FlaskClient, work: Callable[..., int]) -> Bank:
    return Bank(client, work)


def a_payout(till: Bank, name: str, amount_minor: int, *, currency: str = "CNY", days: int = 0) -> UUID:
    """Money that the provider has sent."""
    payout = new_id()
    with acting_for(till.hospital), transaction():
        session.execute(
            insert(Payout),
            [
                {
                    "tenant_id": till.hospital, "id": payout, "provider_payout_id": name, "amount_minor": amount_minor,
                    "currency": currency, "status": "paid", "is_automatic": True, "is_posted": True,
                    "is_reversed": False, "sent_at": DAY, "arrives_at": DAY + timedelta(days=days),
                }
            ],
        )  # fmt: skip
    return payout


def line(day: str, amount: str, reference: str = "", number: str = "", currency: str = "CNY") -> str:
    return f"{day},{amount},{currency},{reference},{number},Stripe\n"


def test_a_payout_is_matched_by_the_id_that_its_line_names(till: Bank) -> None:
    a_payout(till, "po_one", 10_000)

    status, told = till.send(HEADER + line("2026-09-03", "100.00", "STRIPE po_one", "A1"))

    assert (status, told["line_count"]) == (201, 1)
    assert till.settle() == {}
    assert till.claims() == {"id": 1}


def test_the_same_file_uploaded_twice_changes_nothing(till: Bank) -> None:
    content = HEADER + line("2026-09-03", "100.00", "x", "A1") + line("2026-09-03", "5.00", "x")

    first, again = till.send(content), till.send(content)

    assert first[1]["id"] == again[1]["id"]
    assert till.lines() == 2


def test_the_same_file_with_one_changed_row_is_told_by_its_row_and_not_kept(till: Bank) -> None:
    till.send(HEADER + line("2026-09-03", "100.00", "x", "A1") + line("2026-09-03", "5.00", "y", "A2"))

    status, told = till.send(HEADER + line("2026-09-03", "100.00", "x", "A1") + line("2026-09-03", "5.01", "y", "A2"))

    assert (status, told["type"]) == (422, "/problems/bank-file-refused")
    assert [(each["field"], each["code"]) for each in told["errors"]] == [("rows.3.line", "changed")]
    assert till.lines() == 2


def test_a_longer_file_adds_what_is_new_and_two_equal_lines_are_two(till: Bank) -> None:
    twice = line("2026-09-03", "5.00", "coffee") * 2
    till.send(HEADER + twice)

    _, told = till.send(HEADER + twice + line("2026-09-04", "7.00", "tea"))

    assert (told["line_count"], told["known_count"], till.lines()) == (3, 2, 3)


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        pytest.param((HEADER + line("2026-09-03", "1.00", "a", "1") + "2026-09-03,5").encode(), "bank-file-refused", id="truncated"),
        pytest.param(HEADER.encode() + b"2026-09-03,1.00,CNY,\xff\xfe\x80\xff,1,x\n", "file-unreadable", id="encoding"),
        pytest.param((HEADER + line("2026-09-03", "=1+1", "a", "1")).encode(), "bank-file-refused", id="formula"),
        pytest.param((HEADER + line("2026-09-03", "1.005", "a", "1")).encode(), "bank-file-refused", id="part of a fen"),
        pytest.param((HEADER + line("3rd of Sept", "1.00", "a", "1")).encode(), "bank-file-refused", id="day"),
        pytest.param((HEADER + line("2026-09-03", "1.00", "a", "1", "XYZ")).encode(), "bank-file-refused", id="currency"),
        pytest.param(b"", "columns-missing", id="empty"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_reasons_and_nothing_of_it_is_kept(till: Bank, content: bytes, slug: str) -> None:
    good = line("2026-09-02", "9.00", "good", "G1").encode()

    status, told = till.send(content.replace(HEADER.encode(), HEADER.encode() + good))

    assert (status, told["type"]) == (422, f"/problems/{slug}")
    assert till.lines() == 0


def test_a_file_in_gb18030_with_two_columns_of_sums_reads_like_any_other(till: Bank) -> None:
    a_payout(till, "po_gb", 12_345)
    content = "交易日期,借方发生额,贷方发生额,摘要,交易序号\n20260903,,123.45,出款 po_gb,7\n20260903,8.00,,手续费,8\n"

    status, told = till.send(content.encode("gb18030"), "icbc")

    assert (status, told["line_count"]) == (201, 2)
    assert (till.settle(), till.claims()) == ({}, {"id": 1})


def test_a_camt_file_is_read_and_matched(till: Bank) -> None:
    a_payout(till, "po_camt", 10_000)

    status, _ = till.send(CAMT, "camt053")

    assert (status, till.settle(), till.claims()) == (201, {}, {"id": 1})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(CAMT[: len(CAMT) // 2], id="truncated"),
        pytest.param(
            '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>',
            id="entity",
        ),
        pytest.param("<Document/>", id="no statement"),
    ],
)
def test_a_camt_file_that_is_cut_off_or_reaches_out_is_refused(till: Bank, content: str) -> None:
    status, told = till.send(content, "camt053")

    assert (status, told["type"], till.lines()) == (422, "/problems/bank-file-unreadable", 0)


@pytest.mark.parametrize(
    ("said", "instead", "field", "code"),
    [
        pytest.param("<CdtDbtInd>CRDT</CdtDbtInd>", "", "direction", "direction", id="no direction"),
        pytest.param("CRDT", "", "direction", "direction", id="empty direction"),
        pytest.param("CRDT", "crdt", "direction", "direction", id="unknown direction"),
        pytest.param("<Sts>", "<RvslInd>maybe</RvslInd><Sts>", "direction", "direction", id="unknown reversal"),
        pytest.param(">100.00<", ">1e3<", "amount", "amount", id="exponent"),
        pytest.param(">100.00<", ">-100.00<", "amount", "amount", id="negative"),
        pytest.param(">100.00<", ">1,00<", "amount", "amount", id="comma"),
        pytest.param(">100.00<", ">1_00<", "amount", "amount", id="underscore"),
        pytest.param(">100.00<", ">１００<", "amount", "amount", id="other digits"),
        pytest.param(">100.00<", "><", "amount", "amount", id="no sum"),
    ],
)
def test_a_camt_entry_that_leaves_its_direction_or_its_sum_to_guessing_is_told_by_its_row(
    till: Bank, said: str, instead: str, field: str, code: str
) -> None:
    status, told = till.send(CAMT.replace(said, instead), "camt053")

    assert (status, told["type"], till.lines()) == (422, "/problems/bank-file-refused", 0)
    assert [(each["field"], each["code"]) for each in told["errors"]] == [(f"rows.1.{field}", code)]


@pytest.mark.parametrize(
    ("said", "instead", "amount_minor"),
    [
        ("CRDT", "CRDT", 10_000),
        ("CRDT", "DBIT", -10_000),
        ("<Sts>", "<RvslInd>true</RvslInd><Sts>", 10_000),
        ("<Sts>", "<RvslInd>1</RvslInd><Sts>", 10_000),
        ("<Sts>", "<RvslInd>0</RvslInd><Sts>", 10_000),
    ],
)
def test_a_camt_entry_goes_the_way_that_it_says(said: str, instead: str, amount_minor: int) -> None:
    (read,) = read_bank_file(CAMT.replace(said, instead, 1).encode(), "camt053")

    assert read.amount_minor == amount_minor


def test_a_bank_that_lumps_two_payouts_is_matched_by_their_sum(till: Bank) -> None:
    a_payout(till, "po_a", 3_000)
    a_payout(till, "po_b", 4_500)
    till.send(HEADER + line("2026-09-03", "75.00", "lump", "A1"))

    assert (till.settle(), till.claims()) == ({}, {"batch": 2})


def test_a_bank_fee_that_was_deducted_is_matched_and_told_with_its_sum(till: Bank) -> None:
    payout = a_payout(till, "po_fee", 10_000)
    till.send(HEADER + line("2026-09-03", "99.50", "po_fee", "A1"))

    assert till.settle() == {f"payout:{payout}": "bank_fee_deducted"}
    with acting_for(till.hospital):
        at_risk = session.execute(
            text("SELECT amount_at_risk_minor FROM discrepancy WHERE tenant_id = :t"), {"t": till.hospital}
        ).scalar_one()
    assert at_risk == 50


def test_the_same_digits_in_another_currency_are_not_a_match(till: Bank) -> None:
    payout = a_payout(till, "po_hk", 10_000, currency="HKD")
    till.send(HEADER + line("2026-09-03", "100.00", "po_hk", "A1", "CNY"))

    found = till.settle()

    assert found[f"payout:{payout}"] == "payout_in_other_currency"
    assert "bank_line_unmatched" in found.values()


def test_two_equal_payouts_and_one_line_are_left_to_two_people_who_match_by_hand(till: Bank) -> None:
    one, _ = a_payout(till, "po_x", 2_000), a_payout(till, "po_y", 2_000)
    till.send(HEADER + line("2026-09-03", "20.00", "which", "A1"))
    unmatched = till.settle()
    (key,) = (each for each in unmatched if each.startswith("bank:"))

    path = f"/api/hospital/v1/bank_lines/{key.removeprefix('bank:')}/match_proposals"
    wish = {"payout_ids": [str(one)], "because": "the bank said so"}
    maker, checker = (staff(till.hospital, "hospital", "hospital_finance") for _ in range(2))
    asked, doubled = (till.client.post(path, json=wish, headers=maker | once()).json["id"] for _ in range(2))
    agreeing = "/api/hospital/v1/bank_line_proposals/{}/approval"
    alone = till.client.post(agreeing.format(asked), headers=maker | once())
    nothing = till.claims()
    by_hand = till.client.post(agreeing.format(asked), headers=checker | once())
    twice = till.client.post(agreeing.format(doubled), headers=checker | once())
    told = till.client.post(path, json=wish, headers=maker | once())

    assert (alone.status_code, nothing, told.json["type"]) == (403, {}, "/problems/bank-line-taken")
    assert (by_hand.status_code, twice.status_code) == (201, 409)
    assert till.claims() == {"manual": 1}
    assert "bank_line_unmatched" not in till.settle().values()


def test_a_line_of_the_same_sum_long_after_a_payout_is_not_its_money(till: Bank) -> None:
    a_payout(till, "po_w", 2_000)
    days = int(RULES.value("bank_days"))
    till.send(HEADER + line(f"{DAY + timedelta(days=days + 1):%Y-%m-%d}", "20.00", "which", "A1"))

    till.settle()

    assert till.claims() == {}


def test_one_payout_and_two_lines_like_it_are_left_to_people_and_stop_no_other(till: Bank) -> None:
    payout, _ = a_payout(till, "po_z", 2_000), a_payout(till, "po_clear", 3_100)
    told = [("2026-09-03", "20.00", "A1"), ("2026-09-04", "20.00", "A2"), ("2026-09-03", "31.00", "A3")]
    till.send(HEADER + "".join(line(day, amount, "which", number) for day, amount, number in told))

    unmatched = till.settle()

    assert till.claims() == {"unique": 1}
    assert list(unmatched.values()).count("bank_line_unmatched") == 2
    assert f"payout:{payout}" in unmatched


def test_a_payout_is_missing_at_the_bank_only_when_its_time_is_over(till: Bank, at: Callable[[datetime], None]) -> None:
    late = a_payout(till, "po_late", 1_000)
    till.send(HEADER + line("2026-09-03", "1.00", "something else", "A1"))
    at(DAY + RULES.days("sla_days.payout") - timedelta(hours=1))
    in_time = till.settle()

    at(DAY + RULES.days("sla_days.payout") + timedelta(hours=1))

    assert f"payout:{late}" not in in_time
    assert till.settle()[f"payout:{late}"] == "payout_not_at_bank"
    assert clock.now() > DAY


def test_a_transfer_that_names_an_invoice_pays_it_once(client: FlaskClient, work: Callable[..., int]) -> None:
    invoice = issued(a_customer(), a_line(123_456))
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    mark = new_id().hex[:12]
    content = HEADER + line("2026-11-20", "1234.56", f"付款 {invoice.document_no}", f"T{mark}")
    path = f"/api/operator/v1/bank_statements?account=op{mark}"

    taken = client.post(path, data=content.encode(), headers=operator | once() | {"Content-Type": "text/csv"})
    work(OPERATOR_ID)
    with acting_for(OPERATOR_ID):
        match_bank_lines()

    assert taken.status_code == 201
    with acting_for(invoice.tenant_id):
        paid = session.execute(
            text("SELECT paid_minor FROM invoice WHERE tenant_id = :t AND id = :i"),
            {"t": invoice.tenant_id, "i": invoice.id},
        ).scalar_one()
    with acting_for(OPERATOR_ID):
        rules = session.execute(
            text("SELECT rule, side FROM recon_claim WHERE tenant_id = :t AND claimed_id = :i"),
            {"t": OPERATOR_ID, "i": invoice.id},
        ).all()
    assert (paid, [tuple(row) for row in rules]) == (123_456, [("reference", "invoice")])
