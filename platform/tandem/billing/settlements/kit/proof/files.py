"""The kit's files: nothing may be added, taken away or altered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

# --- files: nothing may be added, taken away or altered

FORMAT = 1


class Unsound(Exception):
    """What was found cannot be read on from."""


class Kit:
    """A folder, what is wrong with it, and what has been added up so far."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.faults: list[str] = []
        self.manifest: dict[str, Any] = {}
        self.statement: dict[str, Any] = {}
        self.counts = {"journals": 0, "entries": 0, "fees": 0, "reversals": 0, "monthly fees": 0, "adjustments": 0}
        self.rules: dict[str, set[str]] = {}
        # (kind, account, party) -> entries, their sum, and the part of it that was true in an earlier period.
        self.sums: dict[tuple[str, str, str | None], tuple[int, int, int]] = {}
        # Use, place in the book, day and amount of every fee that may wait for its refund window's end.
        self.waiting: list[tuple[str, int, str, int]] = []
        # Journals that a record must explain: (kind, key) -> where they stand and what they say.
        self.booked: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def is_employers(self) -> bool:
        return "employer_id" in self.manifest

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")

    def read(self, name: str) -> bytes:
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError:
            raise Unsound(f"{name}: the file is missing or cannot be read 文件缺失或无法读取") from None

    def records(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The records of a file, each with the words that name it."""
        with open(self.path(name), "rb") as file:
            for number, line in enumerate(file, start=1):
                yield f"{name} line {number}", json.loads(line)


def read_manifest(kit: Kit) -> None:
    """The list of files, which bears its own hash."""
    raw = kit.read("manifest.json")
    try:
        told = json.loads(raw.decode("utf-8"))
        own = told.pop("self_sha256")
        if sha256(compact(told)).hexdigest() != own or compact({**told, "self_sha256": own}) != raw:
            raise Unsound("manifest.json (or verify.py, which reads it): the file is altered 文件被改动")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unsound("manifest.json (or verify.py, which reads it): the file is altered 文件被改动") from None
    if told["format"] != FORMAT:
        raise Unsound(f"manifest.json: another verify.py is needed for kits of format {told['format']}")
    kit.manifest = told


def check_myself(kit: Kit) -> None:
    """This very file, where it is the kit's own: a verifier that was altered proves nothing."""
    here = os.path.abspath(__file__)
    with open(here, "rb") as file:
        own = sha256(file.read()).hexdigest()
    if os.path.dirname(here) == os.path.abspath(kit.folder) and own != kit.manifest["files"]["verify.py"]["sha256"]:
        raise Unsound("verify.py: the file is altered 文件被改动")


def check_files(kit: Kit) -> None:
    """Every file is there, none is too many, each has the bytes the manifest says."""
    listed = kit.manifest["files"]
    for name in sorted(set(os.listdir(kit.folder)) - set(listed) - {"manifest.json"}):
        kit.fault(name, "the file does not belong to the kit 多余文件")
    for name in sorted(listed):
        if not os.path.isfile(kit.path(name)):
            kit.fault(name, "the file is missing 文件缺失")
            continue
        before = len(kit.faults)
        if name.endswith(".jsonl"):
            check_records(kit, name)
        if digest_of(kit.path(name)) != listed[name]["sha256"] and len(kit.faults) == before:
            kit.fault(name, "the file is altered 文件被改动")


def check_records(kit: Kit, name: str) -> None:
    """Each record bears its line number and its own check, so an alteration is found to the line."""
    last, wanted = 0, kit.manifest["files"][name]["lines"]
    with open(kit.path(name), "rb") as file:
        for last, line in enumerate(file, start=1):
            body, _, tail = line.rpartition(b',"check":"')
            if tail != check_of(name, body).encode() + b'"}\n':
                kit.fault(f"{name} line {last}", "the record is altered 记录被改动")
            elif not body.endswith(b',"line":%d' % last):
                told = body.rpartition(b":")[2].decode()
                kit.fault(f"{name} line {last}", f"record {told} stands here: some are missing or moved 记录错位")
    if last != wanted:
        kit.fault(f"{name} line {min(last, wanted) + 1}", f"{last} records where {wanted} belong 记录数不符")


def check_of(name: str, body: bytes) -> str:
    return sha256(name.encode() + b"\n" + body).hexdigest()[:16]


def digest_of(path: str) -> str:
    summed = sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            summed.update(part)
    return summed.hexdigest()


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
