"""An invoice on paper and as a workbook: right to the fen, in every character, and the same everywhere."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from pypdf import PdfReader

from tandem.billing.invoices import Buyer, LineCredit, invoice, invoice_lines, issue_draft
from tandem.billing.ledger import balance_minor
from tandem.billing.stationery import capitals
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import a_customer, a_hospital, a_line, credited, drafted, issued

pytestmark = pytest.mark.usefixtures("app")
PDF, XLSX = "application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def read(client: FlaskClient, row: Any, ending: str, audience: str = "employer") -> Any:
    role = {"employer": "employer_admin", "hospital": "hospital_finance"}[audience]
    who = a_key(row.tenant_id, audience, role)
    return client.get(f"/api/{audience}/v1/invoices/{row.id}/document.{ending}", headers=who)


def words_of(answer: Any) -> str:
    assert (answer.status_code, answer.mimetype) == (200, PDF), answer.get_data()[:500]
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)


def sheet_of(answer: Any) -> Any:
    assert (answer.status_code, answer.mimetype) == (200, XLSX), answer.get_data()[:500]
    return load_workbook(BytesIO(answer.data)).active


def the_sum(sheet: Any, column: str) -> tuple[str, int]:
    """The formula under a column, and what it comes to in fen."""
    [foot] = [cell for cell in sheet[column] if str(cell.value).startswith("=SUM(")]
    first, last = str(foot.value).removeprefix(f"=SUM({column}").rstrip(")").split(f":{column}")
    lines = [sheet[f"{column}{row}"].value or 0 for row in range(int(first), int(last) + 1)]
    return foot.value, round(sum(lines) * 100)


@pytest.mark.parametrize("mode", ["line", "document"])
def test_the_pdf_the_workbook_the_invoice_and_the_book_say_the_same_total(
    client: FlaskClient, work: Callable[..., int], mode: str
) -> None:
    lines = [a_line(333, "platform_service") for _ in range(7)] + [a_line(123_456, "medical_service")]
    row = issued(a_hospital(), *lines, tax_rounding=mode)
    work(row.tenant_id)

    words = words_of(read(client, row, "pdf", "hospital"))
    sheet = sheet_of(read(client, row, "xlsx", "hospital"))

    with acting_for(row.tenant_id), transaction():
        booked = -balance_minor("ap.operator")
        summed = sum(line["net_minor"] + line["tax_minor"] for line in invoice_lines(row.id))
    assert row.total_minor == booked == summed == the_sum(sheet, "I")[1] == 125_787
    assert the_sum(sheet, "F")[1] + the_sum(sheet, "H")[1] == row.total_minor
    assert "CNY 1,257.87" in words
    assert "壹仟贰佰伍拾柒元捌角柒分" in words
    assert ("税额尾差" in words) is (mode == "document")
    assert "免税" in words


def test_rare_characters_of_a_name_are_set_and_can_be_read_back(client: FlaskClient) -> None:
    row = drafted(a_customer())
    with acting_for(row.tenant_id, operator=True), transaction():
        row = issue_draft(row.id, buyer=Buyer(title="华东𠮷㐂製造（集团）有限公司"))

    answer, again = read(client, row, "pdf"), read(client, row, "pdf")

    assert answer.data == again.data
    assert PdfReader(BytesIO(answer.data)).metadata.creation_date == row.issued_at.replace(microsecond=0)
    assert "华东𠮷㐂製造（集团）有限公司" in words_of(answer)
    fonts = PdfReader(BytesIO(answer.data)).pages[0]["/Resources"]["/Font"].values()
    descriptors = [font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert all("/FontFile2" in each.get_object() for each in descriptors)
    assert len(answer.data) < 100_000


def test_a_character_that_no_font_of_ours_has_is_refused_and_never_left_out(client: FlaskClient) -> None:
    row = drafted(a_customer())
    with acting_for(row.tenant_id, operator=True), transaction():
        issue_draft(row.id, buyer=Buyer(title="华东\U00032000制造"))

    refused, sheet = read(client, row, "pdf"), sheet_of(read(client, row, "xlsx"))

    assert (refused.status_code, refused.json["code_points"]) == (422, ["U+32000"])
    assert refused.json["type"] == "/problems/glyph-missing"
    assert "华东\U00032000制造" in {cell.value for cell in sheet["B"]}


def test_a_name_that_looks_like_a_formula_stays_a_name_and_the_sum_is_a_formula(client: FlaskClient) -> None:
    row = issued(a_customer(), a_line(100, text='=HYPERLINK("http://x","pay")'), a_line(50, text="@SUM(1)"))

    sheet = sheet_of(read(client, row, "xlsx"))

    formulas = [cell.value for each in sheet.iter_rows() for cell in each if cell.data_type == "f"]
    assert formulas == [the_sum(sheet, column)[0] for column in "FHI"]
    assert '=HYPERLINK("http://x","pay")' in [cell.value for cell in sheet["B"]]


def test_a_text_with_characters_that_no_workbook_holds_is_shown_with_their_place_marked(client: FlaskClient) -> None:
    row = issued(a_customer(), a_line(100, text="a\x0bb\x1bc\ufffe\U0001f600"))

    answer = read(client, row, "xlsx")

    sheet = sheet_of(answer)
    assert {part.date_time[0] for part in ZipFile(BytesIO(answer.data)).infolist()} == {1980}
    assert load_workbook(BytesIO(answer.data)).properties.modified == row.issued_at.replace(tzinfo=None, microsecond=0)
    assert "a\ufffdb\ufffdc\ufffd\U0001f600" in [cell.value for cell in sheet["B"]]


def test_an_issued_invoice_keeps_its_sellers_name_when_the_seller_changes_it(client: FlaskClient) -> None:
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    profile = {"tax_number": "91330100MA2XXXXX0X", "address": "杭州", "telephone": "0571", "bank_name": "工商银行"}
    profile |= {"bank_account": "1202 0226 0990", "effective_from": "2001-01-01"}

    def sign(name: str, day: str) -> int:
        wish = profile | {"legal_name": name, "effective_from": day}
        return client.post("/api/operator/v1/seller_profiles", json=wish, headers=operator | once()).status_code

    assert sign("同行互联网医院运营有限公司", "2001-01-01") == 201
    before = issued(a_customer())
    assert (sign("同行健康科技有限公司", "2001-01-02"), sign("x", "2001-01-02")) == (201, 409)
    after = issued(a_customer())

    assert "同行互联网医院运营有限公司" in words_of(read(client, before, "pdf"))
    assert "同行健康科技有限公司" in words_of(read(client, after, "pdf"))


def test_a_credit_note_is_a_document_of_its_own_and_a_draft_is_nobody_elses(client: FlaskClient) -> None:
    row = issued(a_customer(), a_line(10_000))
    note, draft = credited(row, LineCredit(1, 2_500)), drafted(row.tenant_id)

    words = words_of(read(client, note, "pdf"))

    assert "CREDIT NOTE" in words
    assert "CNY 25.00" in words
    assert "Open" in words_of(read(client, row, "pdf"))
    assert [read(client, draft, ending).status_code for ending in ("pdf", "xlsx")] == [404, 404]
    with acting_for(row.tenant_id), transaction():
        assert invoice(row.id).open_minor == 7_500


def test_a_long_invoice_goes_on_over_pages_and_loses_no_line(client: FlaskClient) -> None:
    row = issued(a_hospital(), *[a_line(100, text=f"第{place}项 Item {place}") for place in range(1, 91)])

    answer = read(client, row, "pdf", "hospital")

    words = words_of(answer)
    assert len(PdfReader(BytesIO(answer.data)).pages) > 1
    assert all(f"第{place}项" in words for place in range(1, 91))


@pytest.mark.parametrize(
    ("fen", "said"),
    [
        (0, "零元整"), (5, "伍分"), (50, "伍角整"), (105, "壹元零伍分"), (1_00, "壹元整"), (1_010_00, "壹仟零壹拾元整"),
        (100_000_00, "壹拾万元整"), (10_001_00, "壹万零壹元整"), (100_001_000_00, "壹亿零壹仟元整"),
        (2_030_400_56, "贰佰零叁万零肆佰元伍角陆分"), (-150, "负壹元伍角整"), (1_000_000_000_000_00, "壹万亿元整"),
    ],
)  # fmt: skip
def test_a_total_is_said_in_capital_figures_as_the_bank_asks(fen: int, said: str) -> None:
    assert capitals(fen) == said
