"""Anybody finds a hospital by what they would type."""

from datetime import timedelta

import pytest

from tandem.kernel import clock
from tandem.kernel.database import Base
from tandem.kernel.errors import Invalid
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, in_public, transaction
from tandem.traffic.directory import HospitalCard, ServiceCard, list_hospital, queries
from tandem.traffic.directory.naming import initials

pytestmark = pytest.mark.usefixtures("app")
ANY = {"specialty": None, "province": None, "city": None, "q": None, "limit": 100, "after": None}


def a_card(name, city, *codes):
    return HospitalCard(
        id=new_id(),
        name=name,
        second_name=None,
        province="浙江省",
        city=city,
        level="3A",
        address=None,
        phone=None,
        website=None,
        introduction="",
        licence_number="PDY1",
        licence_authority="浙江省卫生健康委员会",
        licence_valid_to=clock.today() + timedelta(days=30),
        specialties=[{"code": code, "zh": code, "en": code} for code in codes],
    )


def a_priced_service(price_minor, specialty="03.04"):
    return ServiceCard(
        id=new_id(),
        name="复诊",
        name_en=None,
        description="",
        specialty=specialty,
        specialty_name_zh="心血管内科专业",
        specialty_name_en="Cardiology",
        mode="video",
        care_type="follow_up",
        price_minor=price_minor,
        currency="CNY",
        duration_minutes=15,
    )


def listed(card, *services):
    with acting_for(card.id), transaction():
        list_hospital(card, services, [])
    return card


@pytest.fixture
def city():
    """A city of this story alone."""
    return f"城{new_id().hex[-8:]}"


def found(**asked):
    with in_public():
        return [row["name"] for row in queries.hospitals(**(ANY | asked)).rows]


def test_initials_are_what_people_type():
    assert initials("北京协和医院（东单院区）") == "bjxhyydd" + "yq"


def test_a_hospital_is_found_by_the_beginning_of_its_name_or_its_initials(city):
    listed(a_card("杭州第一人民医院", city, "03"))
    listed(a_card("宁波市中医院", city, "50"))

    assert found(city=city, q="杭州") == ["杭州第一人民医院"]
    assert found(city=city, q="nbs") == ["宁波市中医院"]
    assert found(city=city, q="NBSZ") == ["宁波市中医院"]
    assert found(city=city, q="人民") == []


@pytest.mark.parametrize("typed", ["%", "_", "杭%", "\\"])
def test_signs_of_a_pattern_are_just_signs(city, typed):
    listed(a_card("杭州第一人民医院", city, "03"))

    assert found(city=city, q=typed) == []


def test_a_whole_subject_finds_hospitals_that_registered_a_profession_of_it(city):
    listed(a_card("甲医院", city, "03.04"))
    listed(a_card("乙医院", city, "50.13"))

    assert found(city=city, specialty="03") == ["甲医院"]
    assert found(city=city, specialty="03.04") == ["甲医院"]
    assert found(city=city, specialty="03.01") == []


def test_hospitals_come_in_the_order_of_their_pinyin_page_by_page(city):
    for name in ("浙江医院", "安吉医院", "宁波医院"):
        listed(a_card(name, city, "03"))

    with in_public():
        first = queries.hospitals(**(ANY | {"city": city, "limit": 2}))
        second = queries.hospitals(**(ANY | {"city": city, "limit": 2, "after": first.next}))

    assert [row["name"] for row in first.rows] == ["安吉医院", "宁波医院"]
    assert ([row["name"] for row in second.rows], second.has_more) == (["浙江医院"], False)


def test_a_cursor_of_nothing_is_refused():
    with in_public(), pytest.raises(Invalid):
        queries.hospitals(**(ANY | {"after": "no-cursor"}))


def test_services_come_cheapest_first_whoever_offers_them(city):
    dear, cheap = a_priced_service(9000), a_priced_service(100)
    listed(a_card("甲医院", city, "03"), dear)
    listed(a_card("乙医院", city, "03"), cheap)

    with in_public():
        shown = queries.services(**(ANY | {"city": city}), hospital_id=None, mode=None, care_type=None).rows

    assert [(row["id"], row["hospital_name"]) for row in shown] == [(cheap.id, "乙医院"), (dear.id, "甲医院")]


def test_listing_again_replaces_what_was_shown(city):
    card = listed(a_card("甲医院", city, "03"), a_priced_service(1), a_priced_service(2))

    only = a_priced_service(3)
    listed(card, only)

    with in_public():
        shown = queries.services(**(ANY | {"city": city}), hospital_id=card.id, mode=None, care_type=None).rows
    assert [row["id"] for row in shown] == [only.id]


def test_the_projection_has_no_private_column():
    private = {"id_number", "person_id", "born_on", "login", "patient_id", "qualification_number"}
    tables = ("directory_hospital", "directory_service", "directory_practitioner")

    columns = {column.name for table in tables for column in Base.metadata.tables[table].columns}
    of_people = {column.name for column in Base.metadata.tables["directory_practitioner"].columns}

    assert columns & private == set()
    assert of_people == {"hospital_id", "id", "name", "name_sort", "title", "kind", "introduction", "specialties"}
