"""An agreement's version as the rule of a fee, and as the name by which journals refer to it."""

from uuid import UUID

from tandem.accounts import AgreementVersion, agreement_version
from tandem.billing.prices import FeeRule


def rule_of(agreement: AgreementVersion | None) -> FeeRule:
    """The fee rule that was agreed. Before the first agreement is in force nothing was, so nothing is owed."""
    if agreement is None:
        return FeeRule(version_id=None)
    return FeeRule(
        version_id=agreement.id,
        percent_of_net=agreement.percent_of_net,
        per_visit_minor=agreement.per_visit_minor,
        monthly_minor=agreement.monthly_minor,
        cap_percent=agreement.cap_percent,
        cap_per_visit_minor=agreement.cap_per_visit_minor,
        cap_per_programme_minor=agreement.cap_per_programme_minor,
        zero_on_medical=agreement.zero_on_medical,
    )


def rule_name(agreement: AgreementVersion | None) -> str:
    """The rule as its journals name it: with the digest of its terms, the book's seals pin the terms too."""
    if agreement is None:
        return "agreement:none"
    return f"agreement:{agreement.id}@{(agreement.terms_sha256 or '')[:32]}"


def name_of(agreement_version_id: UUID | None) -> str:
    """The same for a version that an accrual recorded. Raises NotFound."""
    return rule_name(None if agreement_version_id is None else agreement_version(agreement_version_id))
