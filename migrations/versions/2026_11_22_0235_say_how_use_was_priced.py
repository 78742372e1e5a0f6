"""Sold use says by which circulars its price was measured, so that a ceiling lowered afterwards finds it.

Forward only: the columns hold by which circular a sold price was measured. It is written nowhere else, so a column
dropped could not be filled again.
"""

import sqlalchemy as sa
from alembic import op

revision = "u0235"
down_revision = "r0235"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("price_region", "price_grade", "price_item"):
        op.add_column("usage_event", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")
