"""The locks: pinned by hash, whole, and silent about where a package comes from."""

import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT = TOP / "requirements.lock", TOP / "requirements-dev.lock"
HOST = re.compile(
    r"[a-z][a-z+]*://|\b[\w-]+\.(?:org|com|net|io|cn|dev)\b|--(?:index|extra-index|find-links|trusted)", re.I
)


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[\w,]+\])?==(\S+)", lock.read_text(), re.M))


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_no_lock_names_a_host(lock: Path) -> None:
    named = [line for line in lock.read_text().splitlines() if HOST.search(line)]

    assert named == []


@pytest.mark.parametrize("line", ["--index-url x", "a @ https://files.example/a.whl", "# from pypi.org"])
def test_a_host_would_be_seen(line: str) -> None:
    assert HOST.search(line)


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_every_pin_carries_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text())
    pinned = [entry for entry in entries if "==" in entry.splitlines()[0]]

    assert len(pinned) == len(pins(lock)) > 40
    assert [entry.splitlines()[0] for entry in pinned if "--hash=sha256:" not in entry] == []


def test_the_development_lock_holds_the_whole_runtime_lock() -> None:
    assert pins(RUNTIME).items() <= pins(DEVELOPMENT).items()


def test_every_dependency_the_project_declares_is_pinned() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    def missing(wanted: list[str], lock: Path) -> list[str]:
        names = [re.split(r"[<>=!~;\[ ]", each)[0].lower().replace("_", "-") for each in wanted]
        return [name for name in names if name not in pins(lock)]

    assert missing([*project["dependencies"], *extras["build"]], RUNTIME) == []
    assert missing(extras["dev"], DEVELOPMENT) == []
