"""`tandem settlements kit`: what the operator hands to a hospital, and the hospital proves without it."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from tandem.billing.settlements import propose_statement
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment
from tests.platform.cli.conftest import Tandem

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def statement(work: Callable[..., int]) -> UUID:
    """A statement over one visit."""
    hospital = a_hospital_with_an_agreement()
    a_delivered_visit(hospital, a_payment(hospital))
    work(hospital)
    with acting_for(hospital), transaction():
        return propose_statement(date(2026, 9, 1)).id


@pytest.mark.parametrize("exists", [True, False])
def test_a_kit_is_written_and_proves_itself(tandem: Tandem, statement: UUID, tmp_path: Path, *, exists: bool) -> None:
    folder = tmp_path / "kit"
    if exists:
        folder.mkdir()

    answer = tandem("settlements", "kit", str(statement), "--out", str(folder))

    assert answer.exit_code == 0, answer.output
    proof = subprocess.run([sys.executable, "-I", folder / "verify.py"], capture_output=True, text=True, check=False)
    assert proof.returncode == 0, proof.stderr
    assert "operator_fees                  1            -900" in proof.stdout


def test_a_statement_is_written_to_print_and_to_reckon_with(tandem: Tandem, statement: UUID, tmp_path: Path) -> None:
    written = [tmp_path / "statement.pdf", tmp_path / "statement.xlsx"]

    answers = [tandem("settlements", "document", str(statement), "--format", each.suffix[1:], "--out", str(each))
               for each in written]  # fmt: skip

    assert [answer.exit_code for answer in answers] == [0, 0], answers[0].output + answers[1].output
    assert [each.read_bytes()[:4] for each in written] == [b"%PDF", b"PK\x03\x04"]
    assert sorted(tmp_path.iterdir()) == written


def test_a_full_folder_and_an_unknown_statement_are_refused(tandem: Tandem, statement: UUID, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("do not touch")

    into_mine = tandem("settlements", "kit", str(statement), "--out", str(tmp_path))
    unknown = tandem("settlements", "kit", str(new_id()), "--out", str(tmp_path / "kit"))

    assert (into_mine.exit_code, unknown.exit_code) == (1, 1)
    assert "is not empty" in into_mine.output
    assert "tandem settlements list" in unknown.output
    assert not (tmp_path / "kit").exists()
