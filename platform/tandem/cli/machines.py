"""What commands say to machines: one JSON document, moments as RFC 3339, money as whole numbers of minor units."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import click

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON document, for machines.")


def machine_json(told: object) -> str:
    """The document; moments are in UTC, ids and exact numbers text, and a sum from the database the integer it is."""
    return json.dumps(told, default=_plain, indent=2)


def _plain(value: object) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return str(value)
