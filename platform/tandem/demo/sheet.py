"""The account of lived days, for people: two tables and the proof lines."""

import sys
from typing import Any, Final

from rich.console import Console
from rich.table import Table

WIDTH: Final = 120
HEADINGS: Final = {
    "visit_count": "visits",
    "gross_minor": "gross",
    "refunds_minor": "refunds",
    "provider_fees_minor": "provider fees",
    "operator_fee_minor": "operator fee",
    "payable_minor": "payable",
    "due_to_operator_minor": "due",
    "billed_minor": "billed",
}


def print_account(account: dict[str, Any]) -> None:
    """Print the sums by hospital and employer, in yuan, and whether each proof holds."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for title, rows in (("By hospital", account.get("hospitals", [])), ("By employer", account.get("employers", []))):
        if not rows:
            continue
        table = Table(title=title)
        for name in rows[0]:
            heading = HEADINGS.get(name, name.replace("_", " "))
            table.add_column(heading, justify="left" if name == "name" else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(_told(name, value) for name, value in row.items()))
        console.print(table)
    for proof in account["proofs"]:
        mark = "✓" if proof["holds"] else "✗"
        console.print(f"{mark} {proof['name']}: {proof['detail']}", highlight=False, soft_wrap=True)
    console.print(f"{account['seconds']} s")


def _told(name: str, value: Any) -> str:
    return f"{value / 100:,.2f}" if name.endswith("_minor") else str(value)
