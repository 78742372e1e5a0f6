"""A statement on paper and as a workbook: what a finance office prints, stamps and files is what the books say."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from pypdf import PdfReader

from tandem.accounts import own_organization, ruling_versions
from tandem.billing.ledger import post
from tandem.billing.settlements import SettlementStatement, postings, propose_statement
from tandem.billing.settlements.commands import draft_statement
from tandem.billing.settlements.documents import content_of, pdf_of
from tandem.billing.settlements.documents.content import Column, Grid
from tandem.billing.stationery import PDF, XLSX
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import (
    NOON,
    a_delivered_visit,
    a_hospital_with_an_agreement,
    a_payment,
)

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]
DAY = date(2026, 9, 1)


def proposed(hospital: UUID, through: date = DAY) -> SettlementStatement:
    with acting_for(hospital), transaction():
        return propose_statement(through)


@pytest.fixture
def finance(hospital: UUID) -> dict[str, str]:
    return a_key(hospital, "hospital", "hospital_finance")


@pytest.fixture
def operator() -> dict[str, str]:
    return a_key(OPERATOR_ID, "operator", "operator_finance")


def read(client: FlaskClient, row: Any, ending: str, who: dict[str, str], *, of: UUID | None = None) -> Any:
    base = "/api/hospital/v1" if of is None else f"/api/operator/v1/hospitals/{of}"
    return client.get(f"{base}/settlement_statements/{row.id}/document.{ending}", headers=who)


def words_of(answer: Any) -> str:
    assert (answer.status_code, answer.mimetype) == (200, PDF), answer.get_data()[:500]
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)


def book_of(answer: Any) -> Any:
    assert (answer.status_code, answer.mimetype) == (200, XLSX), answer.get_data()[:500]
    return load_workbook(BytesIO(answer.data))


def formulas_of(sheet: Any) -> dict[str, str]:
    return {cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"}


def worked_out(book: Any, at: str) -> int:
    """What a formula of the first sheet comes to, in fen, as a spreadsheet would work it out."""
    sheet, formula = book.worksheets[0], str(book.worksheets[0][at].value)
    if found := re.fullmatch(r"=SUM\((\w)(\d+):\1(\d+)\)", formula):
        return sum(fen(sheet[f"{found[1]}{row}"].value) for row in range(int(found[2]), int(found[3]) + 1))
    if found := re.fullmatch(r"=(\w\d+)-(\w\d+)", formula):
        return worked_out(book, found[1]) - fen(sheet[found[2]].value)
    found = re.fullmatch(r"=SUMIF\('明细'!\$A:\$A,\$(A\d+),'明细'!\$J:\$J\)", formula)
    assert found is not None, formula
    return sum(
        fen(amount.value) for name, *_, amount in book["明细"].iter_rows() if name.value == sheet[found[1]].value
    )


def fen(value: Any) -> int:
    return round(Decimal(str(value)) * 100)


def test_paper_workbook_and_statement_say_the_same_and_the_entries_add_up_to_it(
    client: FlaskClient, hospital: UUID, finance: dict[str, str]
) -> None:
    row = proposed(hospital)

    paper, workbook = read(client, row, "pdf", finance), read(client, row, "xlsx", finance)

    words, book = words_of(paper), book_of(workbook)
    sheet, formulas = book.worksheets[0], formulas_of(book.worksheets[0])
    sums = {sheet[f"A{at[1:]}"].value: worked_out(book, at) for at in formulas if at[0] in "BD"}
    assert sums["医院净额 What the hospital keeps"] == row.payable_minor == 11_900
    assert (
        sums["本期应付（正数：医院应付运营方） Due (positive: the hospital pays)"] == row.due_to_operator_minor == 1_700
    )
    by_entries = [
        (fen(sheet[f"D{at[1:]}"].value), worked_out(book, at)) for at, formula in formulas.items() if "SUMIF" in formula
    ]
    assert [told for told, _ in by_entries] == [added for _, added in by_entries]
    assert sum(told for told, _ in by_entries) == row.payable_minor
    assert {worked_out(book, at) for at, formula in formulas.items() if "-" in formula} == {0}
    assert all(
        each in words for each in ("甲方应付乙方", "CNY 17.00", "壹拾柒元整", row.document_sha256, "单位（盖章）")
    )
    assert "草稿" not in words
    assert read(client, row, "pdf", finance).data == paper.data
    assert read(client, row, "xlsx", finance).data == workbook.data


def test_what_is_disputed_is_told_with_its_reason_and_no_word_of_it_is_a_gap_or_a_formula(
    client: FlaskClient, hospital: UUID, finance: dict[str, str]
) -> None:
    row = proposed(hospital)
    wish = {"withheld_minor": 500, "because": '=HYPERLINK("http://x") 少计退款😀', "evidence": "@SUM(1)"}
    base = f"/api/hospital/v1/settlement_statements/{row.id}"
    made = client.post(f"{base}/lines/operator_fees/disputes", json=wish, headers=finance | once())
    assert made.status_code == 201, made.json

    words, sheet = (
        words_of(read(client, row, "pdf", finance)),
        book_of(read(client, row, "xlsx", finance)).worksheets[0],
    )

    assert all(each in words for each in ("少计退款‹U+1F600›", "CNY -5.00", "CNY 12.00", "壹拾贰元整"))
    texts = {cell.value: cell.data_type for each in sheet.iter_rows() for cell in each}
    assert (texts[wish["because"]], texts["@SUM(1)"]) == ("s", "s")
    assert all(re.match(r"=(SUM\(|SUMIF\(|\w\d+-)", each) for each in formulas_of(sheet).values())


def test_a_name_the_font_cannot_set_is_refused_on_paper_and_kept_in_the_workbook(
    client: FlaskClient, hospital: UUID, finance: dict[str, str]
) -> None:
    row, name = proposed(hospital), "华东\U00032000医院"
    with acting_for(hospital, operator=True), transaction():
        own_organization().name = name

    refused, sheet = read(client, row, "pdf", finance), book_of(read(client, row, "xlsx", finance)).worksheets[0]

    assert (refused.status_code, refused.json["code_points"]) == (422, ["U+32000"])
    assert name in {cell.value for cell in sheet["B"]}


def test_a_draft_is_the_operators_alone_and_says_on_each_page_that_it_is_one(
    client: FlaskClient, hospital: UUID, finance: dict[str, str], operator: dict[str, str]
) -> None:
    with acting_for(hospital), transaction():
        row = draft_statement(DAY)

    answers = [read(client, row, ending, finance) for ending in ("pdf", "xlsx")]
    paper, book = (
        read(client, row, "pdf", operator, of=hospital),
        book_of(read(client, row, "xlsx", operator, of=hospital)),
    )

    assert [answer.status_code for answer in answers] == [404, 404]
    pages = PdfReader(BytesIO(paper.data)).pages
    assert all("草稿 DRAFT" in page.extract_text() for page in pages)
    assert (book.worksheets[0].title, book.worksheets[0]["A1"].value[:8]) == ("结算单（草稿）", "草稿 DRAFT")


def test_nobody_elses_statement_is_printed(client: FlaskClient, hospital: UUID, operator: dict[str, str]) -> None:
    row, other = proposed(hospital), a_hospital_with_an_agreement()
    stranger, nurse = a_key(other, "hospital", "hospital_finance"), a_key(hospital, "hospital", "doctor")

    seen = [read(client, row, ending, who, of=of).status_code for ending in ("pdf", "xlsx")
            for who, of in ((stranger, None), (operator, other), (nurse, None))]  # fmt: skip

    assert seen == [404, 404, 403] * 2


def test_what_came_late_points_back_and_the_days_add_up(
    client: FlaskClient, hospital: UUID, finance: dict[str, str], work: Work
) -> None:
    proposed(hospital)
    a_delivered_visit(hospital, a_payment(hospital, 500), 500)
    a_delivered_visit(hospital, a_payment(hospital, 800), 800, at=NOON + timedelta(days=1))
    work(hospital)
    second = proposed(hospital, DAY + timedelta(days=1))

    words, book = words_of(read(client, second, "pdf", finance)), book_of(read(client, second, "xlsx", finance))

    sheet = book.worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert ["CNY-1", "诊疗收入 Visits", 1, 5] in [row[:4] for row in rows]
    (days,) = [place for place, row in enumerate(rows, start=1) if row[0] == "按日 By day"]
    assert [row[0] for row in rows[days + 1 : days + 4]] == ["前期 Earlier", "2026-09-02", "合计 Total"]
    assert worked_out(book, f"G{days + 4}") == second.payable_minor
    assert {row[8].value for row in book["明细"].iter_rows(min_row=2)} == {"CNY-1", None}
    assert all(each in words for each in ("CNY-1", "前期 Earlier", "更正以前结算单"))


def test_a_table_of_hundreds_of_rows_ends_on_paper_with_the_sum_of_the_rest(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        content = content_of(propose_statement(DAY))
    columns = [Column("健康计划 Programme", 144), Column("运营方应付 Owed", 36, "amount", is_summed=True)]
    many = Grid("按健康计划 By programme", columns, [(f"P{place}", 100) for place in range(5_000)])

    pages = PdfReader(BytesIO(pdf_of(replace(content, more=[many])))).pages

    words = "".join(page.extract_text() for page in pages)
    assert len(pages) < 8
    assert all(each in words for each in ("P98", "其余 4901 行", "4,901.00", "5,000.00"))
    assert "P99" not in words


def peak_kb(*, begun: bool = False) -> int:
    """The most memory that this process has held since it was last asked to begin."""
    if begun:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1])


@pytest.mark.slow
def test_twenty_thousand_entries_go_through_a_small_window(
    client: FlaskClient, hospital: UUID, finance: dict[str, str], as_superuser: Callable[..., None]
) -> None:
    with acting_for(hospital), transaction():
        version = ruling_versions()[0]
        hours = [NOON - timedelta(days=each % 20, seconds=each) for each in range(20_000)]
        post([postings.monthly_fee(version, str(place), at, 1, "x") for place, at in enumerate(hours)])
    as_superuser("ANALYZE journal, entry")
    row = proposed(hospital)

    before_kb = peak_kb(begun=True)
    answer = read(client, row, "xlsx", finance)
    file = BytesIO()
    file.writelines(answer.iter_encoded())
    grown_kb = peak_kb() - before_kb

    entries = ZipFile(file).read("xl/worksheets/sheet2.xml")
    assert entries.count(b"<row") == 1 + 20_006
    assert grown_kb < 40_000
    assert len(PdfReader(BytesIO(read(client, row, "pdf", finance).data)).pages) < 6
