"""No process outlives the one that started it, even when that one is killed with no chance to tidy up.

A small shell process holds the reading end of a pipe; the kernel closes the writing end whenever its owner
dies, however it dies. This costs one megabyte and works on Linux and macOS alike, where PR_SET_PDEATHSIG is
Linux only and is lost when PostgreSQL's user changes.
"""

import atexit
import contextlib
import signal
import subprocess

# Ranks end in order: what serves people, then Valkey, then PostgreSQL, so that each can save what it holds.
RANK_FRONT, RANK_VALKEY, RANK_POSTGRES = 0, 1, 2

_WARDEN = r"""
trap '' INT TERM HUP QUIT
held=
without() { kept=; for one in $held; do [ "${one%%:*}" = "$1" ] || kept="$kept $one"; done; held=$kept; }
while read -r verb pid sign rank; do
  case $verb in
    hold) without "$pid"; held="$held $pid:$sign:$rank" ;;
    release) without "$pid" ;;
  esac
done
for rank in 0 1 2; do
  mine=; for one in $held; do [ "${one##*:}" = $rank ] && mine="$mine $one"; done
  for one in $mine; do sign=${one#*:}; kill "-${sign%%:*}" "${one%%:*}" 2>/dev/null; done
  patience=50
  for one in $mine; do
    while [ $patience -gt 0 ] && kill -0 "${one%%:*}" 2>/dev/null; do
      sleep 0.1; patience=$((patience - 1))
    done
    kill -KILL "-${one%%:*}" 2>/dev/null
  done
done
"""


class Leash:
    """Holds processes for the life of this one; each held process must lead its own process group."""

    def __init__(self) -> None:
        self._warden: subprocess.Popen[str] | None = None
        self._held: dict[int, str] = {}

    def hold(self, pid: int, *, by: signal.Signals, rank: int) -> None:
        """End `pid` with this signal when we die; lower ranks end first."""
        self._held[pid] = f"hold {pid} {by.name.removeprefix('SIG')} {rank}"
        self._tell(self._held[pid])

    def release(self, pid: int) -> None:
        """Forget a process that has ended, before its number is given to a stranger."""
        if self._held.pop(pid, None) is not None:
            self._tell(f"release {pid}")

    def close(self) -> None:
        """End whatever is still held, and wait for it."""
        self._held.clear()
        if self._warden is None:
            return
        if self._warden.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._warden.stdin.close()
        self._warden.wait()
        self._warden = None

    def _tell(self, line: str) -> None:
        said = line + "\n"
        if self._warden is None or self._warden.poll() is not None:
            self._warden = subprocess.Popen(
                ["/bin/sh", "-c", _WARDEN], stdin=subprocess.PIPE, text=True, cwd="/", start_new_session=True
            )
            said = "".join(f"{held}\n" for held in self._held.values())
        if self._warden.stdin is not None:
            self._warden.stdin.write(said)
            self._warden.stdin.flush()


# One per process: a leash is exactly as long as the life of the interpreter that holds it.
leash = Leash()
# Said in good time, so that an ordinary end waits until everybody has ended.
atexit.register(leash.close)
