"""The catalogue: versions are added, never changed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import insert

from tandem.billing.rating import queries
from tandem.billing.rating.errors import MeterUnknown, PlanVersionTaken, RevenueTermForbidden
from tandem.billing.rating.models import FORBIDDEN_MEASURES, PlanComponent, PlanTier, PlanVersion
from tandem.billing.rating.plans import Component, component_of
from tandem.kernel import audit
from tandem.kernel.database import refusing, session
from tandem.kernel.tenancy import tenant_id


def add_plan_version(
    *,
    code: str,
    title: Mapping[str, str],
    currency: str,
    components: Sequence[Mapping[str, Any]],
    minimum_minor: int = 0,
    cap_minor: int | None = None,
) -> PlanVersion:
    """Add the next version of a plan to the catalogue. [operator]

    Raises MeterUnknown, RevenueTermForbidden for a component that charges on drug or examination revenue, and
    PlanVersionTaken when somebody else added a version in the same moment.
    """
    made = [component_of(each) for each in components]
    measures = _measures(made)
    terms = {"minimum_minor": minimum_minor, "cap_minor": cap_minor, "components": [_written(each) for each in made]}
    version = PlanVersion(
        tenant_id=tenant_id(),
        code=code,
        number=queries.newest_number(code) + 1,
        title_en=title["en"],
        title_zh=title["zh"],
        currency=currency,
        minimum_minor=minimum_minor,
        cap_minor=cap_minor,
        terms=terms,
        terms_sha256=sha256(orjson.dumps({"currency": currency, **terms}, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )
    with refusing(plan_version_tenant_id_code_number_key=PlanVersionTaken):
        session.add(version)
    write_components(version, made, measures)
    audit.record(action="plan_version.added", object_type="plan_version", object_id=version.id)
    return version


def write_components(version: PlanVersion, components: Sequence[Component], measures: Mapping[str, str]) -> None:
    """Write what a version charges for: to the catalogue, or as a customer's copy of it."""
    here = {"tenant_id": version.tenant_id, "plan_version_id": version.id}
    told = ("code", "kind", "title_en", "title_zh", "meter", "flat_minor", "included", "package_size")
    session.execute(
        insert(PlanComponent.__table__),
        [
            here | {name: getattr(each, name) for name in told} | {"measures": measures.get(each.meter or "")}
            for each in components
        ],
    )
    steps = [
        here
        | {"component": each.code, "above": tier.above, "up_to": tier.up_to}
        | {"unit_price": tier.unit_price, "flat_minor": tier.flat_minor}
        for each in components
        for tier in each.tiers
    ]
    if steps:
        session.execute(insert(PlanTier.__table__), steps)


def _measures(components: Sequence[Component]) -> dict[str, str]:
    wanted = {each.meter for each in components if each.meter is not None}
    known = queries.measures_of(wanted)
    for each in components:
        if each.meter is not None and each.meter not in known:
            raise MeterUnknown(component=each.code, meter=each.meter)
        if each.meter is not None and known[each.meter] in FORBIDDEN_MEASURES:
            raise RevenueTermForbidden(component=each.code, measures=known[each.meter])
    return known


def _written(component: Component) -> dict[str, Any]:
    told = {name: _plain(getattr(component, name)) for name in component.__slots__ if name != "tiers"}
    tiers = [{name: _plain(getattr(tier, name)) for name in tier.__slots__} for tier in component.tiers]
    return told | {"tiers": tiers}


def _plain(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
