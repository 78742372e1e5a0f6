"""The recompute kit: whoever has the folder and Python proves the statement, and finds whatever was altered in it."""

import ast
import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tandem.billing.ledger.sealing import body_hash_of, seal
from tandem.billing.settlements import accrue_monthly_fee, claim_visit, propose_statement
from tandem.billing.settlements.commands import decide_adjustment, grant_excess, propose_adjustment
from tandem.billing.settlements.kit import kit_parts
from tandem.billing.settlements.kit.proof import books, files, verdict
from tandem.billing.settlements.kit.verifier import verifier
from tandem.billing.settlements.lines import FEES, LINES, PAYMENTS
from tandem.kernel.clock import day_bounds
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key
from tests.platform.billing.money import (
    NOON,
    a_delivered_visit,
    a_hospital_with_an_agreement,
    a_lost_dispute,
    a_payment,
    a_refund,
)
from tests.platform.billing.settlements.test_accruals import accrual_of

pytestmark = pytest.mark.usefixtures("app")
DAY = date(2026, 9, 1)
RECORDS = ("terms", "usage", "accruals", "reversals", "journals", "entries")


def proposed(hospital: UUID, through: date) -> UUID:
    with acting_for(hospital), transaction():
        return propose_statement(through).id


def written(hospital: UUID, statement: UUID, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in kit_parts(hospital, statement):
        with (folder / name).open("ab") as file:
            file.write(part)
    return folder


def proved(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run as a stranger runs it: no environment, no packages, from anywhere."""
    command = [sys.executable, "-I", str(folder / "verify.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd="/")


@pytest.fixture(scope="module")
def told(app, tmp_path_factory: pytest.TempPathFactory) -> tuple[UUID, list[Path]]:
    """A hospital's two statements with every kind of fact in them, and the kits of both."""
    from tandem.kernel import jobs

    with app.app_context():
        hospital = a_hospital_with_an_agreement(
            percent_of_net=Decimal("12.3456"),
            per_visit_minor=100,
            cap_per_visit_minor=900,
            refund_window_days=1,
            monthly_minor=31_000,
            traffic_per_visit_minor=77,
        )
        programme = new_id()

        def settle() -> None:
            for queue in ("fast", "slow"):
                while jobs.run_next(hospital, queue):
                    pass

        first = a_payment(hospital, 10_000)
        visit = a_delivered_visit(hospital, first, 10_000)
        partly = a_payment(hospital)
        a_delivered_visit(hospital, partly)
        a_refund(hospital, partly, 3_601)
        a_delivered_visit(hospital, a_payment(hospital, programme=programme), programme_id=programme)
        # Delivered on the next day, booked before the first statement's cut: the second statement takes it.
        a_delivered_visit(hospital, a_payment(hospital, 500), 500, at=NOON + timedelta(days=1))
        settle()
        one = proposed(hospital, DAY)
        with acting_for(hospital), transaction():
            claim_visit(visit, channel="search")
            accrue_monthly_fee(day_bounds(date(2026, 8, 31))[1], "2026-08")
            asked = propose_adjustment(one, party="operator", amount_minor=250, because="a late invoice")
            decide_adjustment(asked.id, party="hospital", decision="accepted")
        settle()
        a_refund(hospital, partly, 3_599)
        a_refund(hospital, first, 1_001)
        settle()
        accrual = accrual_of(hospital, visit)
        with acting_for(hospital), transaction():
            grant_excess(accrual.id, because="complex")
        settle()
        a_refund(hospital, first, 999)
        a_lost_dispute(hospital, first, 500)
        a_delivered_visit(hospital, a_payment(hospital, 801), 801, at=NOON + timedelta(days=1))
        settle()
        two = proposed(hospital, DAY + timedelta(days=1))
        place = tmp_path_factory.mktemp("kits")
        return hospital, [written(hospital, each, place / str(number)) for number, each in enumerate((one, two), 1)]


@pytest.fixture
def kit(told: tuple[UUID, list[Path]], tmp_path: Path) -> Path:
    """A copy of the second statement's kit, to do as one likes with."""
    return Path(shutil.copytree(told[1][1], tmp_path / "kit"))


def test_a_sound_kit_is_proved_by_python_alone(told: tuple[UUID, list[Path]]) -> None:
    first, second = (proved(folder) for folder in told[1])

    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stderr) == (0, "")
    assert "4 fees, 1 reversals" in first.stdout
    assert "核对通过" in second.stdout
    assert "5 fees, 5 reversals, 1 monthly fees, 1 adjustments" in second.stdout


def test_the_same_statement_gives_the_same_kit_to_the_byte(told: tuple[UUID, list[Path]], tmp_path: Path) -> None:
    hospital, folders = told
    statement = UUID(json.loads((folders[0] / "manifest.json").read_text())["statement_id"])

    again = written(hospital, statement, tmp_path / "again")

    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in folders[0].iterdir()
    }


@pytest.mark.parametrize(("in_records", "in_verifier"), [(500, 40), pytest.param(2_000, 500, marks=pytest.mark.slow)])
def test_every_flipped_byte_is_found_and_its_file_and_line_named(kit: Path, in_records: int, in_verifier: int) -> None:
    places = [(path, place) for path in sorted(kit.iterdir()) for place in range(path.stat().st_size)]
    chance = random.Random(3)
    chosen = chance.sample([each for each in places if each[0].suffix != ".py"], in_records)
    chosen += chance.sample([each for each in places if each[0].suffix == ".py"], in_verifier)

    missed = []
    for path, place in chosen:
        sound = path.read_bytes()
        line = sound[:place].count(b"\n") + 1
        altered = bytearray(sound)
        altered[place] ^= chance.randrange(1, 256)
        path.write_bytes(altered)
        said = told_of(kit, path.name)
        name = f"{path.name} line {line}" if path.suffix == ".jsonl" else path.name
        if name not in said:
            missed.append((path.name, place, said[:200]))
        path.write_bytes(sound)

    assert missed == []


def told_of(kit: Path, altered: str) -> str:
    """What the verifier says of an altered kit; itself altered, it runs in a process of its own."""
    if altered == "verify.py":
        answer = proved(kit)
        return answer.stderr if answer.returncode else "SOUND"
    try:
        found = verdict.main(str(kit))
    except SystemExit as unsound:
        return str(unsound)
    return f"SOUND {found}"


def test_missing_added_and_moved_files_and_records_are_named(kit: Path) -> None:
    entries = (kit / "entries.jsonl").read_bytes()
    lines = entries.splitlines(keepends=True)
    swapped = [*lines[:3], lines[4], lines[3], *lines[5:]]
    for content, named in (
        (b"".join(lines[:2] + lines[3:]), "entries.jsonl line 3"),
        (b"".join(lines[:-1]), f"entries.jsonl line {len(lines)}"),
        (b"".join([*lines, lines[-1]]), f"entries.jsonl line {len(lines) + 1}"),
        (b"".join(swapped), "entries.jsonl line 4"),
    ):
        (kit / "entries.jsonl").write_bytes(content)
        assert named in told_of(kit, "entries.jsonl")
    (kit / "entries.jsonl").write_bytes(entries)

    (kit / "more.txt").write_text("a gift")
    assert "more.txt" in told_of(kit, "more.txt")
    (kit / "more.txt").unlink()
    (kit / "previous.json").unlink()
    assert "previous.json: the file is missing" in told_of(kit, "previous.json")


def forged(kit: Path, name: str, number: int, **changes: object) -> None:
    """Alter one record and make its check, its file's hash and the manifest agree with the lie."""
    path = kit / name
    lines = path.read_bytes().splitlines(keepends=True)
    record = json.loads(lines[number - 1]) | changes
    del record["check"]
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
    lines[number - 1] = body + b',"check":"' + files.check_of(name, body).encode() + b'"}\n'
    path.write_bytes(b"".join(lines))
    agreeing(kit)


def agreeing(kit: Path) -> None:
    manifest = json.loads((kit / "manifest.json").read_bytes())
    del manifest["self_sha256"]
    for name in manifest["files"]:
        manifest["files"][name]["sha256"] = sha256((kit / name).read_bytes()).hexdigest()
    own = sha256(files.compact(manifest)).hexdigest()
    (kit / "manifest.json").write_bytes(files.compact(manifest | {"self_sha256": own}))


@pytest.mark.parametrize(
    ("name", "number", "changes", "says"),
    [
        ("accruals.jsonl", 1, {"fee_minor": 901}, "accruals.jsonl line 1, usage.jsonl line 1: fee_minor says 901"),
        ("accruals.jsonl", 1, {"payable_from": "2026-09-03T06:00:00.000000+00:00"}, "accruals.jsonl line 1"),
        ("accruals.jsonl", 1, {"cap": "net"}, "cap says net"),
        ("usage.jsonl", 2, {"amount_minor": 9_999_999}, "usage.jsonl line 2: basis_minor says"),
        ("usage.jsonl", 1, {"at": "2026-09-01T06:00:00.000001+00:00"}, "usage.jsonl line 1: at says"),
        ("reversals.jsonl", 2, {"fee_minor": 0}, "reversals.jsonl line 2: fee_minor says 0"),
        ("reversals.jsonl", 2, {"asked_minor": 1}, "reversals.jsonl line 2: refund_minor says"),
        ("terms.jsonl", 1, {"terms_sha256": "0" * 64}, "terms.jsonl line 1"),
        ("journals.jsonl", 2, {"source_id": "another"}, "journals.jsonl line 2"),
        ("journals.jsonl", 2, {"booked_at": "2026-01-01T00:00:00.000000+00:00"}, "journals.jsonl line 2"),
        ("entries.jsonl", 3, {"amount_minor": 1}, "entries.jsonl line 3"),
        ("entries.jsonl", 1, {"account": "ar.insurer"}, "entries.jsonl line 1 to 2"),
    ],
)
def test_a_lie_that_the_manifest_agrees_with_is_found_by_computing_again(
    kit: Path, name: str, number: int, changes: dict[str, object], says: str
) -> None:
    forged(kit, name, number, **changes)

    assert says in told_of(kit, name)


def test_a_statement_that_says_more_than_its_entries_is_named_by_its_line(kit: Path) -> None:
    document = (kit / "statement.json").read_bytes()
    lines = json.loads(document)["lines"]
    fee = next(line for line in lines if line["kind"] == "operator_fees")
    forged_document = document.replace(
        b'"amount_minor":%d' % fee["amount_minor"], b'"amount_minor":%d' % (fee["amount_minor"] - 1)
    )
    (kit / "statement.json").write_bytes(forged_document)
    agreeing(kit)

    said = told_of(kit, "statement.json")

    assert "statement.json line 'operator_fees'" in said
    assert "not the document that was put before the hospital" in said


def test_the_kit_spells_journals_and_seals_as_the_books_do() -> None:
    facts = {"kind": "operator_fee", "key": "k", "source_type": "usage_event", "source_id": "病历", "rule_version": "r"}
    party = new_id()
    ours = body_hash_of(
        **facts,
        currency="CNY",
        effective_at=NOON,
        reverses=None,
        correlation_id=party,
        lines=[("ar.operator", party, 5), ("rev.medical", None, -5)],
    )
    lines = [
        {"account": "ar.operator", "party": str(party), "amount_minor": 5},
        {"account": "rev.medical", "party": None, "amount_minor": -5},
    ]
    moment = NOON.isoformat(timespec="microseconds")
    told = facts | {"effective_at": moment, "reverses": None, "correlation_id": str(party)}

    theirs = books.body_hash(told, "CNY", lines)

    assert theirs == ours.hex()
    journal = {"seq": 7, "booked_at": moment, "body_sha256": theirs}
    assert books.seal_of("ab" * 32, journal) == seal(bytes.fromhex("ab" * 32), 7, moment.encode(), ours).hex()


def test_the_kit_knows_the_statements_lines() -> None:
    assert [line[:4] for line in books.LINES] == [
        (line.name, line.account_code, line.journal_kinds, line.is_memo) for line in LINES
    ]
    assert (books.WAITING, books.PAYMENTS) == (FEES, PAYMENTS)


def test_the_verifier_runs_on_python_3_8_and_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(verifier(), feature_version=(3, 8))

    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {str(name).partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)


def test_hospital_and_operator_download_the_kit_and_strangers_do_not(
    told: tuple[UUID, list[Path]], client: FlaskClient, tmp_path: Path
) -> None:
    hospital, folders = told
    statement = json.loads((folders[1] / "manifest.json").read_text())["statement_id"]
    path = f"settlement_statements/{statement}/kit"
    finance = a_key(hospital, "hospital", "hospital_finance")
    stranger = a_key(a_hospital_with_an_agreement(), "hospital", "hospital_finance")

    theirs = client.get(f"/api/hospital/v1/{path}", headers=finance)
    ours = client.get(
        f"/api/operator/v1/hospitals/{hospital}/{path}", headers=a_key(OPERATOR_ID, "operator", "operator_finance")
    )

    assert client.get(f"/api/hospital/v1/{path}", headers=stranger).status_code == 404
    assert theirs.data == ours.data
    zipfile.ZipFile(io.BytesIO(theirs.data)).extractall(tmp_path)
    assert proved(tmp_path / "statement-cny-2").returncode == 0
