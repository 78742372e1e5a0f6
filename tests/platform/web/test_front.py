"""The front page, for whoever opens the address in a browser."""

import json
import re
from dataclasses import replace

import pytest

from tandem.kernel import clock, doorbell, telemetry
from tandem.kernel.i18n import Text
from tandem.web import layout, parts


@pytest.fixture
def demonstration(app, settings, tmp_path, monkeypatch):
    """A home in which `tandem up` has left the demonstration's book."""
    login = {
        "audience": "doctor",
        "login": "d.lin",
        "password": "demo-very-secret",
        "path": "/api/hospital/v1/sessions",
    }
    (tmp_path / "demo.json").write_text(json.dumps({"logins": [login], "keys": {"hospital": "tdm_test_secret"}}))

    def of(**changes):
        layout.open_pages(app, replace(settings, home=tmp_path, **changes))

    yield of
    layout.open_pages(app, settings)


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


def test_the_front_page_speaks_the_readers_language(client):
    chinese = client.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    english = client.get("/", headers={"Accept-Language": "en-GB,en;q=0.9"})

    assert '<html lang="zh-CN"' in chinese.text
    assert "每一分钱都对得上" in chinese.text
    assert '<html lang="en"' in english.text
    assert "Every fen adds up" in english.text
    assert english.headers["Content-Language"] == "en"


def test_a_chosen_language_is_remembered(client):
    client.get("/?lang=en", headers={"Accept-Language": "zh-CN"})

    later = client.get("/", headers={"Accept-Language": "zh-CN"})

    assert '<html lang="en"' in later.text


def test_a_language_we_do_not_speak_is_not_remembered(client):
    asked = client.get("/?lang=%3Cscript%3E")

    assert "Set-Cookie" not in asked.headers
    assert "<script>" not in asked.text


def test_a_theme_is_chosen_without_javascript_and_given_back_to_the_system(client):
    chosen = client.post("/preferences", data={"theme": "dark", "back": "/"})
    dark = client.get("/").text
    client.post("/preferences", data={"theme": "system", "back": "/"})
    system = client.get("/").text

    assert (chosen.status_code, chosen.location) == (303, "/")
    assert 'data-theme="dark"' in dark
    assert "data-theme" not in system


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "/\r\nX-Evil: 1", ""]
)
def test_nobody_is_sent_to_another_site(client, elsewhere):
    answer = client.post("/preferences", data={"theme": "dark", "back": elsewhere})

    assert answer.location == "/"


def test_every_audience_finds_its_api(client):
    page = client.get("/").text

    assert all(f"/api/{name}/v1" in page for name in ("operator", "hospital", "employer", "patient", "public"))


def test_the_page_says_how_each_part_is(client):
    page = words(client.get("/?lang=en"))

    assert re.search(r"Database answers \d+ ms", page)
    assert re.search(r"Redis answers \d+ ms", page)
    assert "own sandbox: no real money" in page


def test_a_part_that_is_down_is_said_and_the_page_still_opens(client, app):
    redis_url = str(app.extensions["tandem_settings"].redis_url)
    doorbell.configure("redis://127.0.0.1:1/0")
    try:
        page = client.get("/?lang=en")
    finally:
        doorbell.configure(redis_url)

    assert page.status_code == 200
    assert "A part is down" in page.text
    assert "work waits" in page.text


def test_a_missing_scheduler_wants_a_look(app, settings):
    doorbell.connection().delete(doorbell.SCHEDULER_LEASE)

    told = {part.name.en: part for part in parts.reports(settings)}

    assert told["Scheduler"].state == "watch"


def test_a_queue_without_a_worker_wants_a_look():
    assert parts.workers({"fast": 2, "slow": 1}).state == "well"
    assert parts.workers({"fast": 2, "slow": 0}).state == "watch"


def test_a_scheduler_at_work_is_seen(app, settings):
    doorbell.connection().set(doorbell.SCHEDULER_LEASE, "somebody", px=5_000)

    told = {part.name.en: part for part in parts.reports(settings)}

    assert told["Scheduler"].state == "well"


def test_the_whole_is_as_bad_as_its_worst_part():
    part = parts.PartReport(Text("Part", "部分"), "well", "")

    assert parts.worst([part]) == "well"
    assert parts.worst([part, replace(part, state="note"), replace(part, state="watch")]) == "watch"
    assert parts.worst([replace(part, state="watch"), replace(part, state="down")]) == "down"


def test_work_that_waits_too_long_is_told():
    late = parts.work_waiting(telemetry.Part(ok=True, milliseconds=1, detail="61 s"))

    assert late.state == "watch"
    assert "61" in late.words


def test_a_moved_clock_is_told(client, settings, tmp_path):
    clock.follow(tmp_path / "clock")
    try:
        (tmp_path / "clock").write_text("180000\n")
        page = words(client.get("/?lang=en"))
    finally:
        clock.follow(settings.clock_file)

    assert "Test clock moved by +2 d 02:00" in page


def test_the_demonstrations_logins_are_named_and_its_secrets_are_not(client, demonstration):
    demonstration()

    page = client.get("/").text

    assert "d.lin" in page
    assert "/api/hospital/v1/sessions" in page
    assert "demo-very-secret" not in page
    assert "tdm_test" not in page


def test_where_real_money_moves_there_is_no_demonstration(client, demonstration):
    demonstration(stripe_secret_key="sk_live_" + "0" * 24, stripe_base_url=None)

    page = client.get("/?lang=en").text

    assert "d.lin" not in page
    assert "real money moves" in page


def test_a_broken_book_of_the_demonstration_breaks_nothing(client, demonstration, tmp_path):
    (tmp_path / "demo.json").write_text("{")
    demonstration()

    assert client.get("/").status_code == 200


def test_nothing_on_the_page_is_inline(client):
    page = client.get("/").text

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
