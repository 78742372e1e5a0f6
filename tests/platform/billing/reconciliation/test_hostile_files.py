"""A bank's file as an adversary sends it: a typed answer, never a fault of ours, and nothing half written."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tandem.billing.reconciliation.bank_files import read_bank_file
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for
from tests.hospitals import a_hospital
from tests.people import a_key, once

HEADER = "日期,金额,币种,摘要,流水号,对方户名\n"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
    "<BkToCstmrStmt><GrpHdr><MsgId>1</MsgId><CreDtTm>2026-09-03T00:00:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>"
    "<Acct><Id><Othr><Id>6222</Id></Othr></Id></Acct>"
)
LONG_NAME = "".join(sha256(bytes([n])).hexdigest() for n in range(200))
TAIL = "</Stmt></BkToCstmrStmt></Document>"
BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))


def entry(details: str = "", amount: str = "100.00", *, direction: str = "CRDT", status: str = "BOOK") -> str:
    return (
        f'<Ntry><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>{status}</Sts>'
        f"<BookgDt><Dt>2026-09-03</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>"
    )


def detail(amount: str = "", reference: str = "po_x", *, direction: str = "", currency: str = "CNY") -> str:
    sums = f'<AmtDtls><TxAmt><Amt Ccy="{currency}">{amount}</Amt></TxAmt></AmtDtls>' if amount else ""
    way = f"<CdtDbtInd>{direction}</CdtDbtInd>" if direction else ""
    return f"<TxDtls>{sums}{way}<RmtInf><Ustrd>{reference}</Ustrd></RmtInf></TxDtls>"


def camt(*entries: str) -> str:
    return HEAD + "".join(entries) + TAIL


@pytest.fixture
def hospital(app: Flask) -> UUID:
    return a_hospital()


@pytest.fixture
def send(hospital: UUID, client: FlaskClient) -> Callable[..., Any]:
    key = a_key(hospital, "hospital", "hospital_finance")

    def upload(content: str | bytes, profile: str = "generic", account: str = "6222") -> Any:
        body = content if isinstance(content, bytes) else content.encode()
        path = f"/api/hospital/v1/bank_statements?account={account}&profile={profile}"
        return client.post(path, data=body, headers=key | once() | {"Content-Type": "application/octet-stream"})

    return upload


def kept(hospital: UUID) -> tuple[int, int]:
    """How many files and lines there are."""
    with acting_for(hospital):
        counted = "SELECT (SELECT count(*) FROM bank_statement WHERE tenant_id = :t), "
        counted += "(SELECT count(*) FROM bank_line WHERE tenant_id = :t)"
        return tuple(session.execute(text(counted), {"t": hospital}).one())  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("content", "profile", "status", "slug"),
    [
        pytest.param(b"x" * (21 << 20), "generic", 413, "body-too-large", id="larger than any upload"),
        pytest.param(b"x" * 8_000_001, "generic", 422, "bank-file-unreadable", id="larger than any bank's file"),
        pytest.param((HEADER + "2026-09-03,1.00,CNY,a,,b\n" * 20_001).encode(), "generic", 422, "file-too-long", id="too many rows"),
        pytest.param(camt(*["<Ntry/>"] * 50_000), "camt053", 422, "bank-file-unreadable", id="a million empty entries"),
        pytest.param(f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{BOMB}]><Document>&l8;</Document>', "camt053", 422, "bank-file-unreadable", id="a billion laughs"),
        pytest.param(f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d [<!ENTITY l0 "ha">{BOMB}]><Document>&l8;</Document>'.encode("utf-16"), "camt053", 422, "bank-file-unreadable", id="the same in UTF-16"),
        pytest.param(b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE d [+ADwAIQ-ENTITY x SYSTEM "file:///etc/passwd"+AD4-]+AD4-<Document>&x;</Document>', "camt053", 422, "bank-file-unreadable", id="a document type hidden by UTF-7"),
        pytest.param('<?xml version="1.0"?><!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd"><Document/>', "camt053", 422, "bank-file-unreadable", id="a document type elsewhere"),
        pytest.param("<Document>" + "<a>" * 5_000 + "</a>" * 5_000 + "</Document>", "camt053", 422, "bank-file-unreadable", id="too deep"),
        pytest.param(b"\x00" * 64, "camt053", 422, "bank-file-unreadable", id="nothing but NUL"),
        pytest.param(camt(entry("", "0.00")), "camt053", 422, "bank-file-refused", id="nothing moved"),
        pytest.param(camt(entry("", "9" * 18)), "camt053", 422, "bank-file-refused", id="more money than there is"),
        pytest.param(camt(entry("", status="MAYBE")), "camt053", 422, "bank-file-refused", id="unknown status"),
        pytest.param(camt(entry("", status="PDNG")), "camt053", 422, "bank-file-unreadable", id="announced only"),
        pytest.param(camt(entry(detail("60.00") + detail("60.00"))), "camt053", 422, "bank-file-refused", id="payments that add up to more"),
        pytest.param(camt(entry(detail("50.00", "a") * 3)), "camt053", 422, "bank-file-refused", id="a payment doubled"),
        pytest.param(camt(entry(detail("60.00") + detail("40.00", direction="DBIT"))), "camt053", 422, "bank-file-refused", id="a payment that goes the other way"),
        pytest.param(HEADER + "2026-09-03,1_000,CNY,a,,b\n", "generic", 422, "bank-file-refused", id="a sum with an underscore"),
        pytest.param(HEADER + "2026-09-03,１００,CNY,a,,b\n", "generic", 422, "bank-file-refused", id="a sum in other digits"),
        pytest.param(HEADER + '2026-09-03,"1,00",CNY,a,,b\n', "generic", 422, "bank-file-refused", id="a comma for a point"),
        pytest.param(HEADER + "2026-09-03,=1+1,CNY,a,,b\n", "generic", 422, "bank-file-refused", id="a sum that is a formula"),
        pytest.param(HEADER.replace("币种", "贷方金额") + "2026-09-03,1.00,1.00,a,,b\n", "generic", 422, "bank-file-refused", id="a sum in two columns"),
        pytest.param(HEADER + "2026-09-03,1.00,CNY,a\x00b,,b\n", "generic", 422, "bank-file-refused", id="a NUL in a cell"),
        pytest.param(HEADER + "0001-01-01,1.00,CNY,a,,b\n", "generic", 422, "bank-file-refused", id="a day before any book"),
        pytest.param(HEADER + "2199-01-01,1.00,CNY,a,,b\n", "generic", 422, "bank-file-refused", id="money of the next century"),
        pytest.param(camt(entry()).replace("2026-09-03</Dt>", "9999-12-31</Dt>"), "camt053", 422, "bank-file-refused", id="the last day of all"),
        pytest.param(camt(entry()).replace("B1<", f"{LONG_NAME}<"), "camt053", 422, "bank-file-refused", id="a reference without an end"),
        pytest.param(camt(entry()).replace("S1<", f"{LONG_NAME}<"), "camt053", 422, "bank-file-refused", id="a statement's name without an end"),
        pytest.param(HEADER.encode("utf-16-le"), "generic", 422, "columns-missing", id="UTF-16 that does not say so"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_answered_by_a_typed_problem_and_nothing_of_it_is_kept(
    hospital: UUID, send: Callable[..., Any], content: str | bytes, profile: str, status: int, slug: str
) -> None:
    answer = send(content, profile)

    assert (answer.status_code, answer.json["type"]) == (status, f"/problems/{slug}")
    assert kept(hospital) == (0, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_file_in_any_encoding_that_chinese_banks_send_says_the_same(encoding: str) -> None:
    (line,) = read_bank_file((HEADER + "2026-09-03,100.00,人民币,出款,A1,张三\n").encode(encoding), "generic")

    assert (line.amount_minor, line.currency, line.reference, line.counterparty) == (10_000, "CNY", "出款", "张三")


def test_what_a_payer_wrote_like_a_formula_is_made_text_and_does_not_hold_up_the_file() -> None:
    content = HEADER + "2026-09-03,-5.00,CNY,=HYPERLINK(1),A1,@SUM\n2026-09-03,+7.00,CNY,-房租,A2,x\n"

    read = read_bank_file(content.encode(), "generic")

    assert [(line.amount_minor, line.reference, line.counterparty) for line in read] == [
        (-500, "'=HYPERLINK(1)", "'@SUM"),
        (700, "'-房租", "x"),
    ]


@pytest.mark.parametrize(
    ("content", "sums"),
    [
        pytest.param(camt(entry(detail("60.00", "a") + detail("40.00", "b"))), {"B1/1": 6_000, "B1/2": 4_000}, id="two payments in one entry"),
        pytest.param(camt(entry(detail("50.00", "a") * 2)), {"B1/1": 5_000, "B1/2": 5_000}, id="two equal payments"),
        pytest.param(camt(entry(detail("130.00", "a") + detail("30.00", "b", direction="DBIT"))), {"B1/1": 13_000, "B1/2": -3_000}, id="a charge kept from a lump"),
        pytest.param(camt(entry(detail(reference="a") + detail(reference="b"))), {"B1": 10_000}, id="payments without sums"),
        pytest.param(camt(entry(detail("14.00", currency="USD"))), {"B1": 10_000}, id="instructed in another currency"),
        pytest.param(camt(entry(), entry(status="PDNG")), {"B1": 10_000}, id="one only announced"),
        pytest.param(camt(entry()).replace("xmlns=", "xmlns:n=").replace("<", "<n:").replace("<n:/", "</n:").replace("<n:?", "<?"), {"B1": 10_000}, id="a prefix of the bank's"),
    ],
)  # fmt: skip
def test_an_entry_is_the_sum_of_its_payments_or_one_line(content: str, sums: dict[str, int]) -> None:
    read = read_bank_file(content.encode(), "camt053")

    assert {line.bank_reference: line.amount_minor for line in read} == sums


def test_one_file_sent_twice_at_once_is_one_statement(hospital: UUID, app: Flask) -> None:
    key = a_key(hospital, "hospital", "hospital_finance")
    content = (HEADER + "".join(f"2026-09-03,{n}.00,CNY,x,R{n},y\n" for n in range(1, 200))).encode()

    def upload(marked: bytes) -> tuple[int, str]:
        answer = app.test_client().post(
            "/api/hospital/v1/bank_statements?account=6222", data=content + marked,
            headers=key | once() | {"Content-Type": "text/csv"},
        )  # fmt: skip
        return answer.status_code, answer.json["id"]

    with ThreadPoolExecutor(4) as hands:
        same = list(hands.map(upload, [b"", b"", b"", b""]))
        like_it = list(hands.map(upload, [b"2026-09-04,1.00,CNY,x,S1,y\n", b"2026-09-04,1.00,CNY,x,S1,y\n\n"]))

    assert {status for status, _ in [*same, *like_it]} == {201}
    assert len({statement for _, statement in same}) == 1
    assert kept(hospital) == (3, 200)


def test_a_statement_that_says_otherwise_under_its_name_is_refused_and_the_same_said_again_is_not(
    hospital: UUID, send: Callable[..., Any]
) -> None:
    said = camt(entry(detail(reference="po_x")))
    first = send(said, "camt053")

    again = send(said.replace("<GrpHdr>", "\n<GrpHdr>"), "camt053")
    more = send(said.replace("</Stmt>", entry(amount="7.00").replace("B1", "B2") + "</Stmt>"), "camt053")
    renamed = send(camt(entry(amount="7.00").replace("B1", "B2")).replace("<Id>S1<", "<Id>S2<"), "camt053")

    assert [answer.status_code for answer in (first, again, more, renamed)] == [201, 201, 422, 201]
    assert [(each["field"], each["code"]) for each in more.json["errors"]] == [("rows.1.statement", "statement")]
    assert kept(hospital) == (3, 2)


def test_one_file_is_of_one_account(hospital: UUID, send: Callable[..., Any]) -> None:
    content = HEADER + "2026-09-03,100.00,CNY,x,A1,y\n"
    send(content)

    elsewhere = send(content, account="6333")

    assert (elsewhere.status_code, elsewhere.json["type"]) == (409, "/problems/bank-file-elsewhere")
    assert (elsewhere.json["account"], kept(hospital)) == ("6222", (1, 1))


def test_another_hospitals_line_is_like_none(hospital: UUID, send: Callable[..., Any], client: FlaskClient) -> None:
    send(HEADER + "2026-09-03,100.00,CNY,x,A1,y\n")
    with acting_for(hospital):
        theirs = session.execute(text("SELECT id FROM bank_line WHERE tenant_id = :t"), {"t": hospital}).scalar_one()
    stranger = a_key(a_hospital(), "hospital", "hospital_finance")

    answers = [
        client.post(
            "/api/hospital/v1/bank_matches", headers=stranger | once(),
            json={"bank_line_id": str(line), "payout_ids": [str(new_id())]},
        )
        for line in (theirs, new_id())
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [404, 404]
    assert client.get("/api/hospital/v1/bank_statements", headers=stranger).json["data"] == []
