"""Public price ceilings over HTTP."""

from typing import Any, Final

from tandem.billing.prices import ceilings
from tandem.billing.prices.models import PriceCeiling
from tandem.billing.prices.schemas import PriceCeilingSchema, PriceCeilingWishSchema
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

operator_api = Api("prices", audience="operator", url_prefix="/price_ceilings", tag="Prices")
APIS: Final = [operator_api]


@operator_api.get("", allow="agreements.read", gives=PriceCeilingSchema, many=True, query=PageQuery)
def list_price_ceilings(query: dict[str, Any]) -> Page:
    """What public circulars allow, in the order they were recorded."""
    return ceilings.price_ceilings(**query)


@operator_api.post(
    "",
    allow="agreements.write",
    takes=PriceCeilingWishSchema,
    gives=PriceCeilingSchema,
    problems=(ceilings.CeilingExists,),
)
def add_price_ceiling(wish: dict[str, Any]) -> PriceCeiling:
    """Record what a circular allows."""
    return ceilings.add_price_ceiling(**wish)
