"""Every no has a page, and people see pages where programs see documents."""

import re

import pytest

from tandem.web import problems

HAN = re.compile("[\u4e00-\u9fff]")
BARE_SUM = re.compile(r"(?<!（)\b\w+_minor\b", re.ASCII)
"""A sum that is named by its member alone: an accountant reads words, with the member in brackets behind them."""
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def test_every_problem_has_a_page_in_both_languages(client):
    unreadable = [
        f"{each.slug} in {language}"
        for each in problems.refusals()
        for language, title in (("en", each.title.en), ("zh-CN", each.title.zh))
        for page in [client.get(f"/problems/{each.slug}?lang={language}")]
        if page.status_code != 200 or f'<html lang="{language}"' not in page.text or not title
    ]

    assert unreadable == []


def test_no_two_problems_share_an_address(app):
    slugs = [each.slug for each in problems.refusals()]

    assert sorted(slugs) == sorted(set(slugs))
    assert len(slugs) > 100


def test_every_problem_says_what_now_in_words_of_both_languages(app):
    silent = [each.slug for each in problems.refusals() if each.mend is None]
    untranslated = [
        each.slug
        for each in problems.refusals()
        for told in (each.title, each.mend)
        if told is not None and (HAN.search(told.en) or not HAN.search(told.zh))
    ]
    unexplained = [each.slug for each in problems.refusals() if each.mend and BARE_SUM.search(each.mend.zh)]

    assert (silent, untranslated, unexplained) == ([], [], [])


def test_every_status_says_what_it_means(app):
    assert [each.slug for each in problems.refusals() if each.moment is None] == []


def test_a_problems_page_says_what_when_and_what_now(client):
    page = client.get("/problems/slot-taken?lang=en").text

    assert "That slot has just been taken" in page
    assert "该号源刚刚被约走" in page
    assert "Choose another slot." in page
    assert "POST /api/patient/v1/hospitals/{hospital_id}/appointments" in page


def test_the_index_lists_every_problem(client):
    page = client.get("/problems").text

    assert [each.slug for each in problems.refusals() if f'href="/problems/{each.slug}"' not in page] == []


def test_facts_of_one_refusal_are_left_out(client):
    assert [each.slug for each in problems.refusals() if "{" in each.title.en + each.title.zh] == []


def test_the_type_of_a_problem_is_its_page(client):
    refused = client.get("/api/public/v1/hospitals?limit=1000").get_json()

    assert client.get(refused["type"]).status_code == 200


@pytest.mark.parametrize("slug", ["no-such-thing", "%3Cscript%3E"])
def test_a_problem_nobody_knows_is_not_there(client, slug):
    page = client.get(f"/problems/{slug}", headers={"Accept": BROWSER})

    assert page.status_code == 404
    assert "<script>" not in page.text


def test_a_person_who_lost_the_way_gets_a_page_with_the_request_id(client):
    page = client.get("/somewhere?lang=en", headers={"Accept": BROWSER, "X-Request-Id": "lost-in-the-house"})

    assert page.status_code == 404
    assert page.mimetype == "text/html"
    assert "There is nothing here" in page.text
    assert "未找到所请求的内容" in page.text
    assert "lost-in-the-house" in page.text
    assert page.headers["X-Request-Id"] == "lost-in-the-house"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/problem+json", None])
def test_a_program_that_lost_the_way_gets_the_document(client, accept):
    answer = client.get("/somewhere", headers={"Accept": accept} if accept else {})

    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_the_api_answers_documents_even_to_a_browser(client):
    answer = client.get("/api/public/v1/nothing", headers={"Accept": BROWSER})

    assert answer.mimetype == "application/problem+json"


def test_a_method_that_is_not_taken_keeps_its_allow_header(client):
    page = client.post("/", headers={"Accept": BROWSER})

    assert page.status_code == 405
    assert page.mimetype == "text/html"
    assert "GET" in page.headers["Allow"]
