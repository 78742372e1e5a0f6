"""What cannot be run on every machine is at least read here by a parser of its own kind, and held against the code."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane
import dockerfile_parse
import pytest
import yaml
from gunicorn.util import load_class
from gunicorn.workers.gthread import ThreadWorker

from tandem.cli import COMMANDS
from tandem.embedded.stack import QUEUES

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))


def settings_in_the_example() -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z_]+)=", (DEPLOY / "env.example").read_text(), re.M))


def test_the_example_of_the_environment_lists_what_the_code_reads() -> None:
    code = [*TOP.glob("platform/tandem/**/*.py"), DEPLOY / "gunicorn.conf.py"]
    read = {
        name for path in code for name in re.findall(r"environ[^\n]*?[\"']([A-Z][A-Z_]{3,})[\"']", path.read_text())
    }
    read |= set(re.findall(r"need\(\"([A-Z_]+)\"", (TOP / "platform/tandem/kernel/settings.py").read_text()))
    # systemd's own; the sandbox's, which only the supervisor sets; and what a request's environment holds (PEP 3333).
    others = ("LISTEN_", "STRIPE_SANDBOX_", "HTTP_", "PATH_INFO", "QUERY_STRING", "REQUEST_METHOD")
    ours = {name for name in read if not name.startswith(others)}

    assert len(ours) > 10
    assert ours <= settings_in_the_example()


# --- Docker ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    copy = tmp_path_factory.mktemp("docker") / "Dockerfile"
    shutil.copy(DEPLOY / "Dockerfile", copy)
    return [line for line in dockerfile_parse.DockerfileParser(str(copy)).structure if line["instruction"] != "COMMENT"]


def values(image: list[dict[str, Any]], instruction: str) -> list[str]:
    return [line["value"] for line in image if line["instruction"] == instruction]


def test_the_image_is_built_in_stages_and_runs_as_nobody_in_particular(image: list[dict[str, Any]]) -> None:
    froms = values(image, "FROM")

    assert len(froms) == 2
    assert [each for each in froms if ":" not in each or ":latest" in each] == []
    assert values(image, "USER")[-1] == "10001:10001"
    assert values(image, "HEALTHCHECK")
    assert "--require-hashes" in " ".join(values(image, "RUN"))


def test_the_image_copies_only_what_exists_and_never_both_source_and_wheel(image: list[dict[str, Any]]) -> None:
    last_stage = max(index for index, line in enumerate(image) if line["instruction"] == "FROM")
    copied = [line["value"].split() for line in image[last_stage:] if line["instruction"] == "COPY"]
    all_copied = [value.split() for value in values(image, "COPY")]

    sources = [word for words in all_copied if not words[0].startswith("--from") for word in words[:-1]]
    assert [source for source in sources if not (TOP / source).exists()] == []
    assert {words[0] for words in copied} & {"platform", "tenants", "b2b"} == set()


# --- compose --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def test_compose_runs_web_scheduler_servers_and_one_worker_for_each_queue(services: dict[str, Any]) -> None:
    workers = [service["command"] for name, service in services.items() if name.startswith("worker-")]

    assert {"web", "scheduler", "postgres", "valkey", "migrate"} <= services.keys()
    assert sorted(words[2:] for words in workers) == sorted([queue] for queue in QUEUES)


def test_compose_calls_only_commands_that_exist(services: dict[str, Any]) -> None:
    called = re.findall(r"tandem ([a-z]+)", " ".join(" ".join(each.get("command", [])) for each in services.values()))

    assert called
    assert set(called) <= COMMANDS.keys()


def test_compose_asks_for_no_setting_the_example_does_not_name(services: dict[str, Any]) -> None:
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)(?::[-?][^}]*)?\}", yaml.safe_dump(services)))
    optional = {"TANDEM_VERSION", "TANDEM_PUBLISH"}

    assert asked - optional <= settings_in_the_example()


def test_compose_starts_nobody_before_the_migrations(services: dict[str, Any]) -> None:
    ours = [services[name] for name in services if name in ("web", "scheduler") or name.startswith("worker-")]

    assert [each["depends_on"]["migrate"]["condition"] for each in ours] == ["service_completed_successfully"] * 4


# --- systemd --------------------------------------------------------------------------------------------------------


def unit(path: Path) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(path)
    return parsed


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_each_unit_runs_a_known_program_as_an_unprivileged_user(path: Path) -> None:
    service = unit(path)["Service"]
    words = service["ExecStart"].split()

    assert service["User"] == "tandem"
    assert service["NoNewPrivileges"] == "yes"
    assert words[0].endswith("/gunicorn") or words[1] in COMMANDS


def test_the_target_wants_every_service_that_runs() -> None:
    wanted = unit(DEPLOY / "systemd" / "tandem.target")["Unit"]["Wants"].split()
    instances = [f"tandem-worker@{queue}.service" for queue in QUEUES]

    assert sorted(wanted) == sorted(["tandem-web.service", "tandem-scheduler.service", *instances])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_itself_accepts_the_units(tmp_path: Path) -> None:
    for path in DEPLOY.glob("systemd/*"):
        # The one thing that cannot be here is the installed program; its absence would be the only complaint.
        text = re.sub(r"/opt/tandem/\.venv/bin/\w+", "/bin/true", path.read_text())
        (tmp_path / path.name).write_text(text)

    told = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, tmp_path.glob("*")))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.stderr == ""
    assert told.returncode == 0


# --- nginx and gunicorn ---------------------------------------------------------------------------------------------


def directives(block: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in block:
        yield line
        yield from directives(line.get("block", []))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    whole = tmp_path_factory.mktemp("nginx") / "nginx.conf"
    whole.write_text(f"events {{}}\nhttp {{\n{(DEPLOY / 'nginx' / 'tandem.conf').read_text()}\n}}\n")
    parsed = crossplane.parse(str(whole), strict=False, check_ctx=True, check_args=True)
    assert parsed["errors"] == []
    return list(directives(parsed["config"][0]["parsed"]))


def seconds(site: list[dict[str, Any]], directive: str) -> int:
    return int(next(line["args"][0] for line in site if line["directive"] == directive).rstrip("s"))


def gunicorn_settings() -> dict[str, Any]:
    settings: dict[str, Any] = {}
    exec(compile((DEPLOY / "gunicorn.conf.py").read_text(), "gunicorn.conf.py", "exec"), settings)
    return settings


def test_timeouts_nest_from_the_client_inwards(site: list[dict[str, Any]]) -> None:
    client, proxy = seconds(site, "client_body_timeout"), seconds(site, "proxy_read_timeout")

    assert client > proxy > gunicorn_settings()["timeout"]


def test_the_site_keeps_metrics_inside_and_passes_everything_else_on(site: list[dict[str, Any]]) -> None:
    metrics = next(line for line in site if line["directive"] == "location" and line["args"][-1] == "/metrics")

    assert ("deny", ["all"]) in [(line["directive"], line["args"]) for line in metrics["block"]]
    assert {line["args"][0] for line in site if line["directive"] == "proxy_pass"} == {"http://tandem"}


def test_gunicorn_accepts_its_configuration_and_opens_no_control_socket(process_environment: dict[str, str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config", "-c", "deploy/gunicorn.conf.py", "wsgi:app"],
        cwd=TOP,
        env={**os.environ, **process_environment, "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'platform'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    assert gunicorn_settings()["control_socket_disable"] is True
    assert issubclass(load_class(gunicorn_settings()["worker_class"]), ThreadWorker)
