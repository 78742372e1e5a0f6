"""Amounts, quantities and prices as people read them on paper."""

from decimal import Decimal


def figure(amount_minor: int, exponent: int) -> str:
    """An amount as people read it: 1,234.56; negative with a minus before it."""
    return f"{Decimal(amount_minor).scaleb(-exponent):,.{exponent}f}"


def number(value: Decimal) -> str:
    """A quantity or price without zeros behind its last place."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def unit_figure(unit_price: Decimal, exponent: int) -> str:
    """A price per unit in major units, with as many places as it has and at least the currency's."""
    price = unit_price.scaleb(-exponent).normalize()
    places = max(exponent, -int(price.as_tuple().exponent))
    return f"{price:,.{places}f}"
