"""Rated lines are written by a join to their subscription, so a foreign key would only check it again, row by row.

Forward only: lines written since were checked by the statement that wrote them and by the verifier, not by a foreign
key; putting the key back would scan every line under a lock, and refuse all of them for one.
"""

from alembic import op

revision = "u0255"
down_revision = "p0245"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("rated_line_subscription_fkey", "rated_line", type_="foreignkey")


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")
