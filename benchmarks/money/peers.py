"""The peers' own environment: installed by package name when a competition asks for it, and for nothing else."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from benchmarks.servers import CHECKOUT

PINS: Final = CHECKOUT / "benchmarks" / "peers.txt"


class NotInstalled(RuntimeError):
    """A peer cannot run here; the message says why and stands in its row."""


@dataclass
class Peers:
    """Programs of others, under the home of the benchmarks."""

    home: Path
    failed: dict[str, str] = field(default_factory=dict)

    def python(self) -> str:
        """Their Python, with what PINS names. Raises NotInstalled when not even an environment can be made."""
        venv = self.home / "peers"
        mark, wanted = venv / "installed", sha256(PINS.read_bytes()).hexdigest()
        python = str(venv / "bin" / "python")
        if mark.exists() and mark.read_text() == wanted:
            return python
        uv = _uv()
        print("installing the peers", file=sys.stderr, flush=True)
        shutil.rmtree(venv, ignore_errors=True)
        _run([uv, "venv", "-q", "--python", sys.executable, str(venv)])
        try:
            _run([uv, "pip", "install", "-q", "--python", python, "--no-deps", "-r", str(PINS)])
        except NotInstalled:
            self._one_by_one(uv, python)
        if not self.failed:
            mark.write_text(wanted)
        return python

    def tool(self, name: str) -> str:
        """A program by name: this machine's, or that of Debian's package unpacked here. Raises NotInstalled."""
        found = shutil.which(name)
        if found:
            return found
        home = self.home / name
        program = home / "usr" / "bin" / name
        if not program.exists():
            if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
                raise NotInstalled(f"{name} is not installed here, and there is no apt-get to ask for it")
            home.mkdir(parents=True, exist_ok=True)
            _run(["apt-get", "-qq", "download", name], cwd=home)
            for package in home.glob(f"{name}_*.deb"):
                _run(["dpkg-deb", "-x", str(package), str(home)])
        _run([str(program), "--version"])
        return str(program)

    def _one_by_one(self, uv: str, python: str) -> None:
        # One package that cannot be had must not take the other peers with it.
        for line in PINS.read_text().splitlines():
            if line and not line.startswith("#"):
                try:
                    _run([uv, "pip", "install", "-q", "--python", python, "--no-deps", line])
                except NotInstalled as why:
                    self.failed[line] = str(why)
                    print(f"  not installed: {line}: {why}", file=sys.stderr, flush=True)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise NotInstalled("there is no uv to install the peers with: `make setup-dev`")
    return found


def _run(words: list[str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise NotInstalled(f"{Path(words[0]).name}: {fault}") from None
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise NotInstalled(f"{Path(words[0]).name}: {said[-1].strip() if said else 'it said nothing'}")
