"""The account of lived days, for people: two tables and the proof lines."""

from typing import Any

from rich.console import Console
from rich.table import Table


def print_account(account: dict[str, Any]) -> None:
    """Print the sums by hospital and employer, in yuan, and whether each proof holds."""
    console = Console()
    for title, rows in (("By hospital", account.get("hospitals", [])), ("By employer", account.get("employers", []))):
        if not rows:
            continue
        table = Table(title=title)
        for name in rows[0]:
            table.add_column(
                name.removesuffix("_minor").replace("_", " "), justify="left" if name == "name" else "right"
            )
        for row in rows:
            table.add_row(*(_told(name, value) for name, value in row.items()))
        console.print(table)
    for proof in account["proofs"]:
        console.print(f"{'✓' if proof['holds'] else '✗'} {proof['name']}: {proof['detail']}", highlight=False)
    console.print(f"{account['seconds']} s")


def _told(name: str, value: Any) -> str:
    return f"{value / 100:,.2f}" if name.endswith("_minor") else str(value)
