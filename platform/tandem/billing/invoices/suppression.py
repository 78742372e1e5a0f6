"""Few people stay hidden on an enterprise's invoice (money.md N7). Pure.

A line about use that fewer than eleven members made would tell the employer who was ill. What is owed must be told,
so such lines are merged, together with the smallest line that has eleven: the merged line tells one sum, no quantity
and no price. Members of several lines may be the same people, so lines' members are never added: the largest counts.
Lines that say nothing of members (heads that HR itself listed, a platform's fee) are left as they are.
"""

from collections.abc import Sequence
from typing import Final

from tandem.billing.invoices.drafts import InvoiceLine

CELL_MIN: Final = 11
"""CMS cell-size policy: nothing from 1 to 10 (domain.md 5)."""

EMPLOYER_MIN: Final = 50
"""An employer of fewer learns no number of people at all (domain.md 5, rule 1)."""

MERGED_CODE: Final = "merged"
MERGED_TEXT: Final = "合并项目（不足11人的明细不单列） Merged: fewer than 11 members"


def may_be_told(people: int, among: int) -> bool:
    """Whether a number with so many people behind it may be told of so many: eleven behind it, and behind the rest."""
    return among >= EMPLOYER_MIN and people >= CELL_MIN and among - people >= CELL_MIN


def told_lines(lines: Sequence[InvoiceLine]) -> list[InvoiceLine]:
    """Lines as an enterprise may see them: the same sum in each tax category, nothing of fewer than eleven."""
    told: list[InvoiceLine] = []
    for category in dict.fromkeys(line.tax_category for line in lines):
        told += _told_of_category([line for line in lines if line.tax_category == category])
    return told


def _told_of_category(lines: Sequence[InvoiceLine]) -> list[InvoiceLine]:
    # By place and not by equality: two lines may say the same.
    few = [place for place, line in enumerate(lines) if line.members is not None and line.members < CELL_MIN]
    if not few:
        return list(lines)
    many = [place for place, line in enumerate(lines) if (line.members or 0) >= CELL_MIN]
    hidden = few + sorted(many, key=lambda place: lines[place].members or 0)[:1]
    kept = [line for place, line in enumerate(lines) if place not in hidden]
    merged = InvoiceLine(
        code=MERGED_CODE,
        text=MERGED_TEXT,
        quantity=1,
        unit_price=None,
        amount_minor=sum(lines[place].amount_minor for place in hidden),
        tax_category=lines[few[0]].tax_category,
        members=max(lines[place].members or 0 for place in hidden),
        kind="merged",
    )
    return [*kept, merged]
