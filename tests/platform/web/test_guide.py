"""The guide above the reference, for whoever writes the first request."""

import html
import re

import pytest
from werkzeug.exceptions import HTTPException

from tandem.web import assets


def test_the_guide_speaks_both_languages(client):
    chinese = client.get("/docs?lang=zh-CN").text
    english = client.get("/docs?lang=en").text

    assert all(word in chinese for word in ("认证", "安全重试", "分页", "问题"))
    assert all(word in english for word in ("Signing in", "Repeating safely", "Paging", "Problems"))


def test_every_example_leads_somewhere(client, app):
    page = html.unescape(client.get("/docs?lang=en").text)
    calls = re.findall(r"curl (?:-X (\w+) )?'?https?://[^/]+(/api/[^\s'?]+)", page)
    adapter = app.url_map.bind("localhost")

    lost = []
    for method, path in calls:
        try:
            adapter.match(path.replace("$HOSPITAL", "3022284a-da75-54d9-bccd-539d94288c95"), method=method or "GET")
        except HTTPException:
            lost.append(path)

    assert {path.split("/")[2] for _, path in calls} == {"public", "patient", "hospital", "employer", "operator"}
    assert lost == []


def test_the_reference_is_for_one_audience_when_asked(client):
    assert 'data-only="hospital"' in client.get("/docs?audience=hospital").text
    assert 'data-only=""' in client.get("/docs?audience=nobody").text


def test_everything_the_page_loads_is_ours_and_there(client):
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)

    assert assets.asset_url("vendor/swagger-ui/swagger-ui-bundle.js") in loaded
    assert [path for path in loaded if client.get(path).status_code != 200] == []
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_nothing_on_the_page_is_inline(client):
    page = client.get("/docs").text

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("path", ["/", "/docs", "/problems", "/problems/not-found"])
def test_pages_come_under_a_policy_without_exceptions(client, path):
    policy = client.get(path).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_guide_has_one_address(client):
    assert client.get("/docs/").location == "/docs"
