"""Who signs, who is billed and how it is taxed: versions as data, and what is frozen into an invoice at issue."""

from datetime import date
from decimal import Decimal
from typing import Any

from tandem.accounts import organization_or_none
from tandem.billing.invoices import queries
from tandem.billing.invoices.drafts import Buyer
from tandem.billing.invoices.errors import SellerProfileExists, TaxRuleExists
from tandem.billing.invoices.models import SellerProfile, TaxRule
from tandem.kernel import audit
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id

_SIGNED: tuple[str, ...] = ("legal_name", "tax_number", "address", "telephone", "bank_name", "bank_account")


def add_tax_rule(
    *,
    category: str,
    treatment: str,
    rate: Decimal | None,
    reason: str | None,
    circular: str,
    effective_from: date,
    jurisdiction: str = "CN",
) -> TaxRule:
    """Record how a category is taxed from a day on. [operator] Raises TaxRuleExists."""
    row = TaxRule(
        id=new_id(),
        jurisdiction=jurisdiction,
        category=category,
        treatment=treatment,
        rate=rate,
        reason=reason,
        circular=circular,
        effective_from=effective_from,
    )
    with refusing(tax_rule_jurisdiction_category_effective_from_key=TaxRuleExists):
        session.add(row)
    audit.record(action="tax_rule.added", object_type="tax_rule", object_id=row.id, details={"category": category})
    return row


def add_seller_profile(**said: Any) -> SellerProfile:
    """Record how the operator signs its invoices from a day on. [operator] Raises SellerProfileExists."""
    row = SellerProfile(tenant_id=tenant_id(), id=new_id(), **said)
    with refusing(seller_profile_tenant_id_effective_from_key=SellerProfileExists):
        session.add(row)
    audit.record(action="seller_profile.added", object_type="seller_profile", object_id=row.id)
    return row


def seller_on(day: date) -> dict[str, Any]:
    """The operator's particulars as they stand on a day, read in its own scope."""
    with acting_for(OPERATOR_ID):
        profile = queries.seller_profile_at(day)
        own = organization_or_none()
    named = {"id": str(OPERATOR_ID), "name": own.name if own else "", "tax_number": (own.uscc if own else None) or ""}
    if profile is None:
        return named
    signed = {name: getattr(profile, name) for name in _SIGNED}
    return named | signed | {"name": profile.legal_name, "profile_id": str(profile.id)}


def buyer_now(wanted: Buyer | None) -> dict[str, Any]:
    """The customer's particulars as they stand now. [customer]"""
    own = organization_or_none()
    named = {
        "id": str(tenant_id()),
        "name": own.name if own else "",
        "tax_number": (own.uscc if own else None) or "",
        "address": (own.address if own else None) or "",
    }
    if wanted is not None:
        named |= {"name": wanted.title or named["name"], "tax_number": wanted.tax_number or named["tax_number"]}
        named |= wanted.extra
    return named


def customer_kind() -> str:
    """Whether the scope's organisation is billed as a hospital or as an enterprise. [customer]"""
    own = organization_or_none()
    return "hospital" if own is not None and own.kind == "hospital" else "employer"
