"""What a migration says when it brings new versions of posting rules."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tandem.billing.ledger.posting_rules import recorded_rules


def record_posting_rules() -> None:
    """Record every version of the rules' file that is not recorded yet; what is recorded stays as it is."""
    columns = {
        "version": sa.BigInteger(),
        "effective_from": sa.Date(),
        "legs": postgresql.ARRAY(sa.Text()),
        "basis": postgresql.ARRAY(sa.Text()),
        "mirror": postgresql.JSONB(none_as_null=True),
    } | dict.fromkeys(("code", "family", "why", "sha256", "source"), sa.Text())
    table = sa.table("posting_rule_version", *(sa.column(name, kind) for name, kind in columns.items()))
    op.execute(postgresql.insert(table).values(recorded_rules()).on_conflict_do_nothing())
