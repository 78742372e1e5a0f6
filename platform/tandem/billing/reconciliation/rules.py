"""By which rules differences are judged: deadlines, tolerances, guards. Data, versioned; a run keeps to one version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

DEADLINES: Final[dict[str, timedelta]] = {
    "provider": timedelta(days=3),
    "hospital": timedelta(days=2),
    "operator": timedelta(days=1),
}
"""How long an owner has, from the first sight of a difference."""


@dataclass(frozen=True)
class Rules:
    """One version of all rules.

    A comparison that suddenly finds more than `guard_floor` new differences, and more than `guard_factor` times the
    most that it found of late, parks itself.
    """

    version: int = 1
    deadlines: Mapping[str, timedelta] = field(default_factory=lambda: DEADLINES)
    guard_floor: int = 1_000
    guard_factor: int = 20
