"""The operator sets a rule: a new version of it, never a change of the old one."""

from sqlalchemy import func, select

from tandem.billing.reconciliation.errors import RuleUnknown, RuleVersionTaken
from tandem.billing.reconciliation.models import ReconciliationRule
from tandem.billing.reconciliation.rules import DEFAULTS
from tandem.kernel import audit
from tandem.kernel.database import refusing, session


def set_rule(name: str, value: int, *, because: str) -> ReconciliationRule:
    """Set a rule for every run that begins from now on. [operator] Raises RuleUnknown, RuleVersionTaken."""
    if name not in DEFAULTS:
        raise RuleUnknown(name=name, known=sorted(DEFAULTS))
    version = int(session.scalar(select(func.coalesce(func.max(ReconciliationRule.version), 0))) or 0) + 1
    row = ReconciliationRule(version=version, name=name, value=value, because=because)
    with refusing(reconciliation_rule_version_key=RuleVersionTaken):
        session.add(row)
    audit.record(
        action="reconciliation_rule.set", object_type="reconciliation_rule", object_id=row.id,
        details={"name": name, "value": value, "version": version},
    )  # fmt: skip
    return row
