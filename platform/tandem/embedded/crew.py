"""The processes a supervisor keeps running: started, watched, started again with patience, stopped in order."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tandem.embedded.leash import RANK_FRONT, leash
from tandem.embedded.processes import end_process, started_mark

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 30.0
# Who has run this long is well again: its next fall is a new one.
WELL_AFTER_SECONDS: Final = 60.0
_ROTATE_LOG_AT_BYTES: Final = 10_000_000

Say = Callable[[str], None]


@dataclass
class Member:
    """One process. Members stop by `stage`, lowest first, all of a stage together."""

    name: str
    command: Sequence[str]
    stage: int
    patience_seconds: float = 10
    file_descriptors: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    # Whether to start it again when it ends; what is run beside ends by itself.
    stays: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0
    falls: int = 0
    start_again_at: float | None = None


class Crew:
    """Members that run from one folder with one environment, each with a log of its own."""

    def __init__(self, folder: Path, logs: Path, environment: Mapping[str, str], say: Say) -> None:
        self._folder, self._logs, self._environment, self._say = folder, logs, dict(environment), say
        self.members: list[Member] = []

    def start(self, member: Member, *, waits_for_us: bool = False) -> None:
        """Start a member and keep it running from now on; one that waits for us goes on when told to `go_on`."""
        if member not in self.members:
            self.members.append(member)
        member.process = self._launch(member, listens=waits_for_us)
        member.started, member.start_again_at = time.monotonic(), None

    def run_beside(self, member: Member) -> subprocess.Popen[bytes]:
        """Start something that ends by itself; its standard streams are pipes to us, its errors go to its log."""
        self.members.append(member)
        member.stays = False
        member.process = self._launch(member, listens=True, talks=True)
        return member.process

    def go_on(self, member: Member) -> None:
        """Tell a member that waits for us that all it needs is there."""
        if member.process is not None and member.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                member.process.stdin.write(b"go\n")
                member.process.stdin.flush()

    def dismiss(self, member: Member) -> None:
        """Something that was run beside has done its work, and ends when nobody talks to it any more."""
        self.members.remove(member)
        if member.process is not None:
            for stream in (member.process.stdin, member.process.stdout):
                if stream is not None:
                    stream.close()
            member.process.wait(member.patience_seconds)
            leash.release(member.process.pid)

    def look_after(self) -> bool:
        """Notice who fell and start again whose wait is over. Whether anybody was started."""
        now, someone_started = time.monotonic(), False
        for member in self.members:
            if not member.stays or member.process is None:
                continue
            if member.start_again_at is not None and now >= member.start_again_at:
                self.start(member)
                someone_started = True
            elif member.process.poll() is not None and member.start_again_at is None:
                self._note_fall(member, now)
        return someone_started

    def roll(self) -> list[dict[str, Any]]:
        """Who runs, so that a successor can find leftovers of a supervisor that was killed."""
        return [
            {"name": member.name, "pid": member.process.pid, "started": started_mark(member.process.pid)}
            for member in self.members
            if member.process is not None and member.process.poll() is None
        ]

    def stop(self) -> None:
        """End every member, stage by stage; who will not listen is killed with all it started."""
        for stage in sorted({member.stage for member in self.members}):
            running = [member for member in self.members if member.stage == stage and member.process is not None]
            for member in running:
                if member.process is not None and member.process.poll() is None:
                    member.process.terminate()
            for member in running:
                self._wait_for(member)
        self.members.clear()

    def last_words(self, member: Member) -> str:
        """The last line a member wrote, for the one line we say about it."""
        lines = [line for line in self.log(member).read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it said nothing"

    def log(self, member: Member) -> Path:
        return self._logs / f"{member.name.replace(' ', '-')}.log"

    def _launch(self, member: Member, *, listens: bool = False, talks: bool = False) -> subprocess.Popen[bytes]:
        log = self.log(member)
        if log.exists() and log.stat().st_size > _ROTATE_LOG_AT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as out:
            process = subprocess.Popen(
                list(member.command),
                cwd=self._folder,
                env={**self._environment, **member.environment},
                stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else out,
                stderr=out,
                pass_fds=member.file_descriptors,
                # Ctrl-C reaches the supervisor alone, which then stops everybody in order.
                start_new_session=True,
            )
        leash.hold(process.pid, by=signal.SIGTERM, rank=RANK_FRONT)
        return process

    def _note_fall(self, member: Member, now: float) -> None:
        if member.process is None:
            return
        leash.release(member.process.pid)
        self._end_orphans_of(member.process.pid)
        member.falls = 1 if now - member.started > WELL_AFTER_SECONDS else member.falls + 1
        wait_seconds = min(FIRST_WAIT_SECONDS * 2 ** (member.falls - 1), LONGEST_WAIT_SECONDS)
        member.start_again_at = now + wait_seconds
        self._say(
            f"{member.name} ended ({_how(member.process.returncode)}); starting it again in {wait_seconds:g} s"
            f" (its log: {self.log(member)})"
        )

    def _end_orphans_of(self, group: int) -> None:
        # Children of a killed gunicorn would hold its port until they notice.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)

    def _wait_for(self, member: Member) -> None:
        if member.process is None:
            return
        try:
            member.process.wait(member.patience_seconds)
        except subprocess.TimeoutExpired:
            self._say(f"{member.name} does not stop; killing it")
        self._end_orphans_of(member.process.pid)
        member.process.wait()
        leash.release(member.process.pid)


def end_leftovers(roll: list[dict[str, Any]]) -> int:
    """End the members of a crew whose supervisor was killed; strangers who have their pids now are left alone."""
    left = [note for note in roll if note["started"] is not None and started_mark(note["pid"]) == note["started"]]
    for note in left:
        end_process(note["pid"], by=signal.SIGTERM, patience_seconds=10)
    return len(left)


def _how(returncode: int) -> str:
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
