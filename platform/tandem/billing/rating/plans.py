"""A plan's terms as plain values: every kind of price becomes a ladder, so that one statement rates them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

PERCENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of a ladder: from above `above` up to `up_to` (None: without end). `unit_price` is in minor units."""

    above: Decimal
    up_to: Decimal | None
    unit_price: Decimal
    flat_minor: int = 0


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that a plan charges for, with its ladder; a flat fee has neither meter nor ladder."""

    code: str
    kind: str
    title_en: str
    title_zh: str
    meter: str | None
    flat_minor: int
    included: Decimal
    package_size: Decimal
    tiers: tuple[Tier, ...]


def component_of(wish: Mapping[str, Any]) -> Component:
    """A component as it was wished for, with its ladder. The wish has been checked by its schema."""
    return Component(
        code=wish["code"],
        kind=wish["kind"],
        title_en=wish["title"]["en"],
        title_zh=wish["title"]["zh"],
        meter=wish.get("meter"),
        flat_minor=wish.get("flat_minor", 0),
        included=wish.get("included", Decimal(0)),
        package_size=wish.get("package_size", Decimal(1)),
        tiers=_ladder(wish),
    )


def fault_of(wish: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with a component that its fields alone do not show: the field, and the reason; None if nothing."""
    kind, needed = wish["kind"], _NEEDS[wish["kind"]]
    for name in _TERMS:
        if (name in wish) != (name in needed) and not (name == "included" and kind != "flat"):
            return name, "Missing data for required field." if name in needed else "Unknown field."
    return _fault_of_ladder(wish["tiers"]) if "tiers" in needed else None


def _fault_of_ladder(tiers: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    bounds = [tier["up_to"] for tier in tiers]
    if bounds[-1] is not None or None in bounds[:-1]:
        return f"tiers.{len(tiers) - 1}.up_to", "Must be one of: null in the last tier, and only there."
    for place, (low, high) in enumerate(zip([Decimal(0), *bounds[:-1]], bounds[:-1], strict=False)):
        if high <= low:
            return f"tiers.{place}.up_to", f"Must be greater than {low}."
    return None


def _ladder(wish: Mapping[str, Any]) -> tuple[Tier, ...]:
    match wish["kind"]:
        case "flat":
            return ()
        case "percentage":
            return (Tier(Decimal(0), None, wish["percent"] * PERCENT),)
        case "graduated" | "volume":
            lows = [Decimal(0), *(tier["up_to"] for tier in wish["tiers"])]
            return tuple(
                Tier(low, tier["up_to"], tier["unit_price"], tier["flat_minor"])
                for low, tier in zip(lows, wish["tiers"], strict=False)
            )
    return (Tier(Decimal(0), None, wish["unit_price"]),)


_TERMS: Final = ("meter", "flat_minor", "included", "package_size", "percent", "unit_price", "tiers")
_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "flat": frozenset({"flat_minor"}),
    "per_unit": frozenset({"meter", "unit_price"}),
    "graduated": frozenset({"meter", "tiers"}),
    "volume": frozenset({"meter", "tiers"}),
    "package": frozenset({"meter", "unit_price", "package_size"}),
    "percentage": frozenset({"meter", "percent"}),
}
