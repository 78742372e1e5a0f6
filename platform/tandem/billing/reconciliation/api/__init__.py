"""Reconciliation over HTTP: differences, runs, and lines of banks."""

from typing import Final

from tandem.billing.reconciliation.api import bank_exits, bank_lines, differences, runs

APIS: Final = [*differences.APIS, *runs.APIS, *bank_lines.APIS, *bank_exits.APIS]
