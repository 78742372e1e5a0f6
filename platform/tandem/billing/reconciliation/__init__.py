"""Who is right: provider against books, use against fees, books against books. Differences get an owner and a deadline.

Nothing is ever silently mended and nothing deleted: a difference is open, explained (its cause is known), or
resolved (a later run no longer finds it, or both parties settled it). 对账
"""

from tandem.billing.reconciliation.commands.recorded import known_transfer_of_operator
from tandem.billing.reconciliation.findings import Finding
from tandem.billing.reconciliation.models import DayClose, Discrepancy, ReconciliationRun

__all__ = ["DayClose", "Discrepancy", "Finding", "ReconciliationRun", "known_transfer_of_operator"]
