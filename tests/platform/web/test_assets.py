"""What the pages are dressed in: whole, licensed, unchanged, and kept by browsers."""

import gzip
import json
from hashlib import sha256

import pytest

from tandem.web import assets

VENDOR = assets.STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["path"])
def test_vendored_files_are_what_the_manifest_says(entry):
    assert sha256((VENDOR / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entry["name"]
    assert entry["version"]
    assert entry["licence"]
    assert (VENDOR / entry["licence_file"]).read_text().strip()


def test_no_vendored_code_is_missing_from_the_manifest():
    code = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.suffix in {".js", ".css", ".svg"}}

    assert code == {entry["path"] for entry in MANIFEST}


def test_an_asset_is_kept_for_ever_under_its_own_digest(client):
    answer = client.get(assets.asset_url("tandem.css"))

    assert answer.status_code == 200
    assert answer.mimetype == "text/css"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_an_asset_asked_for_by_another_digest_is_not_kept(client):
    answer = client.get("/assets/000000000000/tandem.css")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_browser_that_can_gets_it_smaller(client):
    plain = client.get(assets.asset_url("tandem.css"))
    small = client.get(assets.asset_url("tandem.css"), headers={"Accept-Encoding": "gzip, br"})

    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data


@pytest.mark.parametrize("name", ["missing.css", "../front.py", "..%2ffront.py", "%2e%2e/front.py", "vendor"])
def test_nothing_outside_the_folder_is_given_out(client, name):
    assert client.get(f"/assets/000000000000/{name}").status_code == 404


def test_our_own_style_loads_nothing_from_elsewhere():
    styles = "".join(path.read_text() for path in assets.STATIC.glob("*.css"))

    assert "url(" not in styles
    assert "@import" not in styles
