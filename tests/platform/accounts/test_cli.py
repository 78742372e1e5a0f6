"""`tandem accounts` on the command line."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from tests.platform.cli.conftest import tandem as any_tandem

HEADER = "province_code,province,city_code,city,name,address,phone,tags\n"


__all__ = ["any_tandem"]


@pytest.fixture
def tandem(any_tandem, monkeypatch):
    """`tandem accounts` with these words."""
    monkeypatch.setenv("COLUMNS", "200")
    return partial(any_tandem, "accounts")


@pytest.fixture
def tandem_process(process_environment):
    """The same as a process of its own, which loads what it needs by itself."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | process_environment | {"PYTHONPATH": ".:platform"}
        command = [sys.executable, "-m", "tandem.cli", "accounts", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def a_file(folder: Path, *rows: str) -> tuple[str, str]:
    city = f"市{uuid4().hex[:12]}"
    file = folder / "hospitals.csv"
    file.write_text(HEADER + "".join(f"350000,福建省,350500,{city},{row}\n" for row in rows), encoding="gb18030")
    return str(file), city


def test_importing_twice_creates_once_and_says_so(tandem, tmp_path):
    file, _ = a_file(tmp_path, "甲医院,,,", "乙医院,,,", "甲医院,,,")

    rehearsal = tandem("import", file, "--dry-run", "--json")
    first = tandem("import", file, "--json")
    second = tandem("import", file)

    assert [json.loads(run.stdout)["created"] for run in (rehearsal, first)] == [2, 2]
    assert json.loads(first.stdout)["duplicates"] == 1
    assert json.loads(first.stdout)["encoding"] == "gb18030"
    assert "unchanged" in second.stdout
    assert "Row 2 names the same hospital" in second.stdout
    assert (rehearsal.exit_code, first.exit_code, second.exit_code) == (0, 0, 0)


def test_a_refused_row_is_the_exit_code_and_a_file_that_is_no_register_another(tandem, tmp_path):
    file, _ = a_file(tmp_path, "甲医院,,,", ",,,")
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\xff\xfe")

    refused = tandem("import", file, "--json")
    unreadable = tandem("--lang", "zh-CN", "import", str(picture))

    assert (refused.exit_code, json.loads(refused.stdout)["errors"]) == (1, 1)
    assert unreadable.exit_code == 2
    assert "文件无法按 CSV 读取" in unreadable.stderr


def test_whoever_runs_the_platform_invites_its_first_administrator(tandem_process, client):
    invited = tandem_process("invite", "operator", "王芳", "--json")
    token = json.loads(invited.stdout)["token"]
    seat = {"token": token, "login": f"{uuid4().hex}@example.org", "password": "correct horse", "name": "王芳"}

    taken = client.post("/api/public/v1/invitation_acceptances", json=seat)
    again = client.post("/api/public/v1/invitation_acceptances", json=seat)

    assert (taken.status_code, taken.json["roles"]) == (201, ["operator_admin"]), taken.json
    assert again.status_code == 404
