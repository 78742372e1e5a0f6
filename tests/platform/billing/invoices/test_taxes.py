"""Taxes: exempt is not zero per cent, and lines sum to the total in every mode, with the residual shown."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tandem.billing.invoices import invoice_lines, invoice_taxes, run_statements
from tandem.billing.invoices.errors import TaxRuleOutdated, TaxRuleUnknown
from tandem.billing.invoices.taxes import RuleTerms, tax_in, tax_lines
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, in_public, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import a_customer, a_hospital, a_line, drafted, issued


def a_rule(rate: str | None = "0.06", category: str = "platform_service") -> RuleTerms:
    treatment = "exempt" if rate is None else "taxed"
    return RuleTerms(new_id(), "CN", category, treatment, rate and Decimal(rate), rate and "law", "circular")


RULES = [a_rule(), a_rule("0.13", "goods"), a_rule(None, "medical_service"), a_rule("0", "zero_rated")]
AMOUNTS = st.integers(-(10**9), 10**12)
LINES = st.lists(st.tuples(AMOUNTS, st.sampled_from(RULES)), min_size=1, max_size=30)


@settings(max_examples=300)
@given(LINES, st.sampled_from(["line", "document"]), st.booleans())
def test_lines_and_roundings_sum_to_net_tax_and_total_in_every_mode(lines: Any, rounding: str, included: bool) -> None:
    taxed = tax_lines(lines, rounding=rounding, included=included)

    parts = [*taxed.lines, *(each for _, each in taxed.roundings)]
    assert sum(each.net_minor for each in parts) == taxed.net_minor
    assert sum(each.tax_minor for each in parts) == taxed.tax_minor
    if included:
        assert sum(each.gross_minor for each in parts) == sum(amount for amount, _ in lines)
    assert rounding == "document" or not taxed.roundings


@given(AMOUNTS, st.integers(0, 10**6), st.decimals(0, 1, places=4), st.booleans())
def test_a_tax_is_within_half_a_unit_of_the_exact_one_and_grows_with_what_is_taxed(
    amount: int, more: int, rate: Decimal, included: bool
) -> None:
    exact = Fraction(amount) * Fraction(rate) / (1 + Fraction(rate) if included else 1)

    tax, larger = (tax_in(each, rate, included=included) for each in (amount, amount + more))

    assert abs(tax - exact) <= Fraction(1, 2)
    assert tax * amount >= 0
    assert tax <= larger
    assert not included or abs(tax) <= abs(amount)


@settings(max_examples=20)
@given(st.lists(AMOUNTS | st.integers(-200, 200), min_size=1, max_size=80), st.none() | st.decimals(0, 1, places=4))
def test_what_a_run_taxes_by_sql_is_what_a_document_by_hand_is_taxed(
    app: Any, amounts: list[int], rate: Decimal | None
) -> None:
    in_sql = text(
        f"SELECT {run_statements._PARTS['tax']} FROM unnest(CAST(:amounts AS bigint[])) WITH ORDINALITY "
        "AS t(amount_minor, place) ORDER BY place"
    )

    with in_public():
        taxed = session.scalars(in_sql, {"amounts": amounts, "rate": rate}).all()

    assert taxed == [tax_in(each, rate, included=True) for each in amounts]


@settings(max_examples=200)
@given(LINES, st.booleans())
def test_a_documents_residual_is_at_most_half_a_unit_for_each_line(lines: Any, included: bool) -> None:
    taxed = tax_lines(lines, rounding="document", included=included)

    for tax in taxed.taxes:
        count = sum(rule == tax.rule for _, rule in lines)
        assert abs(tax.residual_minor) <= count / 2
        amount = sum(amount for amount, rule in lines if rule == tax.rule)
        assert tax.tax_minor == tax_in(amount, tax.rule.rate, included=included)


@settings(max_examples=100)
@given(LINES, st.sampled_from(["line", "document"]), st.booleans())
def test_a_document_of_negated_lines_is_the_negative_of_the_document(lines: Any, rounding: str, included: bool) -> None:
    plus = tax_lines(lines, rounding=rounding, included=included)
    minus = tax_lines([(-amount, rule) for amount, rule in lines], rounding=rounding, included=included)

    assert (minus.net_minor, minus.tax_minor) == (-plus.net_minor, -plus.tax_minor)


def test_one_unit_taxed_on_three_lines_per_line_and_per_document_differ_and_both_add_up(app: Any) -> None:
    customer = a_customer()
    three = [a_line(8, "platform_service") for _ in range(3)]

    per_line = drafted(customer, *three, prices_include_tax=False)
    per_document = drafted(customer, *three, prices_include_tax=False, tax_rounding="document")

    assert (per_line.tax_minor, per_document.tax_minor) == (0, 1)
    with acting_for(customer), transaction():
        lines = invoice_lines(per_document.id)
        [tax] = invoice_taxes(per_document.id)
    assert [(line["kind"], line["net_minor"], line["tax_minor"]) for line in lines][-1] == ("rounding", 0, 1)
    assert sum(line["net_minor"] + line["tax_minor"] for line in lines) == per_document.total_minor == 25
    assert tax["residual_minor"] == 1


def test_exempt_is_recorded_as_exempt_with_its_source_and_not_as_zero_per_cent(app: Any) -> None:
    row = issued(a_hospital(), a_line(10_000, "medical_service"))

    with acting_for(row.tenant_id), transaction():
        [tax] = invoice_taxes(row.id)
    assert (tax["treatment"], tax["rate"], tax["tax_minor"]) == ("exempt", None, 0)
    assert "增值税法" in tax["circular"]
    assert "免征" in tax["reason"]


def test_a_hospitals_invoice_is_taxed_and_a_programmes_prepayment_is_not(app: Any) -> None:
    hospital, employer = issued(a_hospital(), a_line(10_600)), issued(a_customer(), a_line(10_600))

    assert (hospital.net_minor, hospital.tax_minor, hospital.total_minor) == (10_000, 600, 10_600)
    assert (employer.net_minor, employer.tax_minor, employer.total_minor) == (10_600, 0, 10_600)


def test_a_category_without_a_rule_is_refused(app: Any) -> None:
    with pytest.raises(TaxRuleUnknown):
        drafted(a_customer(), a_line(100, "moon_dust"))


def test_a_draft_taxed_by_yesterdays_rule_is_not_issued_today(client: FlaskClient) -> None:
    operator, category = (
        a_key(OPERATOR_ID, "operator", "operator_finance"),
        "category_" + "abcdefghij"[new_id().int % 10],
    )
    category += "".join("abcdefghij"[int(digit)] for digit in str(new_id().int % 10**8))
    rule = {"category": category, "treatment": "taxed", "rate": "0.05", "circular": "a circular"}

    def add(**changes: Any) -> int:
        wish = rule | {"effective_from": "2020-01-01"} | changes
        return client.post("/api/operator/v1/tax_rules", json=wish, headers=operator | once()).status_code

    assert add() == 201
    row = drafted(a_customer(), a_line(1_050, category))
    answers = [add(rate="0.04", effective_from=str(clock.today())), add(), add(rate=None), add(rate=0.06)]

    assert row.tax_minor == 50
    assert answers == [201, 409, 422, 422]
    path = f"/api/operator/v1/organizations/{row.tenant_id}/invoices/{row.id}/issuance"
    refused = client.post(path, headers=operator | once())
    assert refused.json["type"] == f"/problems/{TaxRuleOutdated.slug}"
