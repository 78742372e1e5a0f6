"""Every kind of price comes to what it comes to when it is worked out by hand in fractions."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tandem.billing import rating
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.rating.plans import (
    OCTOBER,
    a_component,
    a_ladder,
    a_plan,
    a_subscription,
    amounts,
    lines,
    rate,
    use,
    worked_out,
)
from tests.platform.billing.usage.metering import a_meter

pytestmark = pytest.mark.usefixtures("app")
LADDER = a_ladder((100, 10), (1_000, "7.5"), (None, "0.25"))
PRICES = st.decimals(0, 500, places=4)
QUANTITIES = st.decimals(0, 3_000, places=3)


@pytest.fixture(scope="module")
def meter(app: Any) -> str:
    with app.app_context():
        return a_meter()


@pytest.fixture(scope="module")
def revenue(app: Any) -> str:
    with app.app_context():
        return a_meter(measures="visit_revenue")


@pytest.mark.parametrize(
    ("kind", "terms", "quantity", "amount_minor"),
    [
        ("per_unit", {"unit_price": Decimal("12.5")}, "3", 38),  # 37.5 fen: half goes away from zero
        ("per_unit", {"unit_price": Decimal(10), "included": Decimal(5)}, "4", 0),
        ("graduated", {"tiers": LADDER}, "100", 1_000),
        ("graduated", {"tiers": LADDER}, "101", 1_008),
        ("graduated", {"tiers": LADDER}, "2000", 1_000 + 6_750 + 250),
        ("volume", {"tiers": LADDER}, "100", 1_000),
        ("volume", {"tiers": LADDER}, "101", 758),
        ("volume", {"tiers": LADDER}, "2000", 500),
        ("package", {"unit_price": Decimal(900), "package_size": Decimal(100)}, "100", 900),
        ("package", {"unit_price": Decimal(900), "package_size": Decimal(100)}, "100.01", 1_800),
        ("package", {"unit_price": Decimal(900), "package_size": Decimal(100)}, "0", 0),
        ("percentage", {"percent": Decimal("1.5")}, "7200", 108),
        ("graduated", {"tiers": a_ladder((10, 1), (None, 1), flat_minor=50)}, "10", 60),
        ("graduated", {"tiers": a_ladder((10, 1), (None, 1), flat_minor=50)}, "11", 111),
    ],
)
def test_a_price_of_each_kind(meter: str, kind: str, terms: dict[str, Any], quantity: str, amount_minor: int) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component(kind, meter, **terms)))
    use(tenant, meter, quantity)

    rate(tenant)

    assert amounts(tenant) == {"messages": amount_minor}


def wishes(meter: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any component there can be on a meter, its ladder included."""
    bounds = st.lists(st.integers(1, 2_500), min_size=0, max_size=3, unique=True).map(sorted)
    ladders = bounds.flatmap(
        lambda steps: st.tuples(*(PRICES for _ in range(len(steps) + 1)), st.integers(0, 300)).map(
            lambda drawn: a_ladder(*zip([*steps, None], drawn[:-1], strict=True), flat_minor=drawn[-1])
        )
    )
    included = {"included": st.decimals(0, 50, places=2)}
    return st.one_of(
        st.fixed_dictionaries({"unit_price": PRICES}, optional=included).map(
            lambda terms: a_component("per_unit", meter, **terms)
        ),
        st.fixed_dictionaries({"tiers": ladders}, optional=included).map(
            lambda terms: a_component("graduated", meter, **terms)
        ),
        st.fixed_dictionaries({"tiers": ladders}).map(lambda terms: a_component("volume", meter, **terms)),
        st.fixed_dictionaries({"unit_price": PRICES, "package_size": st.decimals("0.5", 90, places=1)}).map(
            lambda terms: a_component("package", meter, **terms)
        ),
        st.fixed_dictionaries({"percent": st.decimals(0, 100, places=4)}).map(
            lambda terms: a_component("percentage", meter, **terms)
        ),
    )


@settings(max_examples=30)
@given(data=st.data())
def test_what_sql_comes_to_is_what_fractions_come_to(meter: str, data: Any) -> None:
    tenant = new_id()
    component = data.draw(wishes(meter))
    plan = a_plan(component)
    parts = data.draw(
        st.lists(st.lists(QUANTITIES, min_size=1, max_size=3), min_size=1, max_size=6), label="use of each subject"
    )
    wanted = {}
    for place, quantities in enumerate(parts):
        subscription = a_subscription(tenant, plan, f"ward-{place}")
        use(tenant, meter, *quantities, subject=f"ward-{place}")
        total = sum((Fraction(each) for each in quantities), Fraction(0))
        wanted[subscription] = (total, worked_out(component, total))

    rate(tenant)

    rated = {line["subscription_id"]: (Fraction(line["quantity"]), line["amount_minor"]) for line in lines(tenant)}
    assert rated == wanted
    if component["kind"] != "volume":
        # Whoever uses more pays no less; a volume price may fall for everything when a step is reached.
        by_quantity = sorted(rated.values())
        assert [amount for _, amount in by_quantity] == sorted(amount for _, amount in by_quantity)


def test_every_kind_of_meter_gives_its_own_quantity_of_a_month() -> None:
    tenant = new_id()
    meters = {kind: a_meter(kind) for kind in ("sum", "count", "max", "latest", "distinct")}
    a_subscription(
        tenant, a_plan(*(a_component("per_unit", meters[kind], kind, unit_price=Decimal(1)) for kind in meters))
    )
    for day, quantity in ((1, 5), (9, 30), (17, 10)):
        for kind, meter in meters.items():
            value = {"value": f"v{min(day, 9)}"} if kind == "distinct" else {}
            use(tenant, meter, quantity, day=OCTOBER.replace(month=9, day=day), **value)

    rate(tenant)

    assert amounts(tenant) == {"sum": 45, "count": 3, "max": 30, "latest": 10, "distinct": 2}


@pytest.mark.parametrize("measures", ["drug_revenue", "examination_revenue"])
def test_no_price_has_a_drug_or_examination_revenue_term(measures: str) -> None:
    meter = a_meter(measures=measures)

    for kind, terms in (("percentage", {"percent": Decimal(1)}), ("per_unit", {"unit_price": Decimal(1)})):
        with pytest.raises(rating.RevenueTermForbidden) as refusal:
            a_plan(a_component(kind, meter, **terms))
        assert refusal.value.facts["measures"] == measures


@pytest.mark.parametrize("measures", ["drug_revenue", "things"])
def test_not_even_sql_prices_drug_revenue_or_calls_it_something_else(measures: str) -> None:
    meter, plan = a_meter(measures="drug_revenue"), a_plan(a_component("flat", None, flat_minor=1))

    with pytest.raises(IntegrityError), acting_for(OPERATOR_ID, operator=True), transaction():
        session.execute(
            text(
                "INSERT INTO plan_component (tenant_id, plan_version_id, code, kind, title_en, title_zh, meter, measures, "
                "flat_minor, included, package_size) VALUES (:tenant, :plan, 'x', 'per_unit', 'x', 'x', :meter, "
                ":measures, 0, 0, 1)"
            ),
            {"tenant": OPERATOR_ID, "plan": plan, "meter": meter, "measures": measures},
        )


def test_a_percentage_of_visit_revenue_is_allowed(revenue: str) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("percentage", revenue, percent=Decimal("2.5"))))
    use(tenant, revenue, 7_200, 1_800)

    rate(tenant)

    assert amounts(tenant) == {"messages": 225}


def test_an_unknown_meter_is_refused() -> None:
    with pytest.raises(rating.MeterUnknown):
        a_plan(a_component("per_unit", "nobody_counts_this", unit_price=Decimal(1)))


def test_a_quantity_below_zero_is_parked_not_paid_out_and_mends_itself(meter: str) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("per_unit", meter, unit_price=Decimal(10))))
    use(tenant, meter, -3, 1, reporter="operator")

    rate(tenant)

    (line,) = lines(tenant)
    assert (line["quantity"], line["amount_minor"], line["parked_reason"]) == (-2, 0, "negative-quantity")


def test_a_sum_out_of_all_reason_is_parked_and_stops_nobody_else(meter: str) -> None:
    tenant = new_id()
    plan = a_plan(a_component("per_unit", meter, unit_price=Decimal(9_000_000_000)))
    for subject in ("runaway", "sober"):
        a_subscription(tenant, plan, subject)
    use(tenant, meter, *["9999999999"] * 3, subject="runaway")
    use(tenant, meter, 1, subject="sober")

    rate(tenant)

    assert sorted((line["amount_minor"], line["parked_reason"]) for line in lines(tenant)) == [
        (0, "out-of-range"),
        (9_000_000_000, None),
    ]
