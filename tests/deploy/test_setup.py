"""`make setup` on machines that are not quite ready: one line says what is missing, and nothing is done twice."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as setting up goes."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(TOP / name, tmp_path)
    (tmp_path / "deploy").mkdir()
    shutil.copy(TOP / "deploy" / "setup.sh", tmp_path / "deploy")
    return tmp_path


def python_that(folder: Path, script: str) -> Path:
    """A python3 that tells its version and otherwise does what `script` says."""
    program = folder / "python3"
    program.write_text(f'#!/bin/sh\n[ "$1" != -V ] || {{ echo Python 3.13.1; exit 0; }}\n{script}\n')
    program.chmod(0o755)
    return program


def make(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "--silent", *words], cwd=checkout, capture_output=True, text=True, check=False)


def test_a_debian_without_venv_is_told_the_package(checkout: Path) -> None:
    python = python_that(checkout, 'case "$2" in *ensurepip*) exit 1;; esac')

    told = make(checkout, "setup", f"PYTHON={python}")

    assert told.returncode != 0
    said = [line for line in told.stderr.splitlines() if line.startswith("tandem:")]
    assert said == [
        "tandem: Python's venv is missing; on Debian or Ubuntu: apt install python3-venv, then call make again"
    ]


def test_a_machine_without_a_new_enough_python_is_told_so(checkout: Path) -> None:
    told = make(checkout, "setup", "PYTHON=")

    assert told.returncode != 0
    assert "tandem: Python 3.11 or newer is needed and none was found" in told.stderr


def test_nothing_is_installed_twice_until_the_lock_changes(checkout: Path) -> None:
    calls = checkout / "calls"
    fake_venv = 'mkdir -p "$last/bin"; cp "$0" "$last/bin/python"'
    python = python_that(
        checkout, f'echo "$@" >>"{calls}"\nfor last; do :; done\ncase "$2" in venv) {fake_venv};; esac'
    )

    make(checkout, "setup", f"PYTHON={python}")
    first = calls.read_text().count("pip install")
    make(checkout, "setup", f"PYTHON={python}")
    second = calls.read_text().count("pip install")
    (checkout / "requirements.lock").write_text("changed\n")
    make(checkout, "setup", f"PYTHON={python}")
    third = calls.read_text().count("pip install")

    assert (first, second, third) == (2, 2, 4)
    assert "--require-hashes -r requirements.lock" in calls.read_text()
    assert calls.read_text().count("-m venv --clear") == 1


def test_a_checkout_that_was_moved_gets_a_new_environment(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    calls = checkout / "calls"
    fake_venv = 'mkdir -p "$last/bin"; cp "$0" "$last/bin/python"'
    python = python_that(
        checkout, f'echo "$@" >>"{calls}"\nfor last; do :; done\ncase "$2" in venv) {fake_venv};; esac'
    )
    make(checkout, "setup", f"PYTHON={python}")
    moved = tmp_path_factory.mktemp("elsewhere") / "moved"
    shutil.copytree(checkout, moved)

    make(moved, "setup", f"PYTHON={python}")

    assert calls.read_text().count("-m venv --clear") == 2


@pytest.mark.parametrize("target", ["setup", "run", "test", "lint", "bench"])
def test_the_makefile_explains_each_of_its_targets(checkout: Path, target: str) -> None:
    assert f"make {target} - " in make(checkout, "help").stdout
