"""What commands say to people: tables that are never cut."""

from typing import Final

from rich.console import Console
from rich.table import Table

WIDEST: Final = 10_000


def print_table(table: Table) -> None:
    """To standard output, as wide as its widest row: a cut table would cut the ids that the next command asks for.

    A terminal that is narrower folds the rows.
    """
    asked = Console()
    width = asked.measure(table, options=asked.options.update(max_width=WIDEST)).maximum
    Console(width=width, soft_wrap=True).print(table)
