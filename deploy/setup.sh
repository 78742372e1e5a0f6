#!/bin/sh
# Makes .venv agree with a lock file: `deploy/setup.sh requirements.lock python3.12`. Quick when it already does.
set -eu
lock=$1 python=${2:-}
here=$(pwd -P)

say_and_stop() { echo "tandem: $1" >&2; exit 1; }
[ -n "$python" ] ||
  say_and_stop "Python 3.11 or newer is needed and none was found; install it, or: make PYTHON=/path/to/python3 ..."

# The folder is in the stamp because a virtual environment that was moved does not work, and nothing says so.
base="$here $("$python" -V)"
wanted() { echo "$base $(cat "$1" pyproject.toml | cksum)"; }
stamp=.venv/.agrees-with-
[ "$(cat "$stamp$lock" 2>/dev/null || true)" != "$(wanted "$lock")" ] || exit 0

"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  say_and_stop "Python's venv is missing; on Debian or Ubuntu: apt install python3-venv, then call make again"

if [ "$(cat .venv/.base 2>/dev/null || true)" != "$base" ]; then
  "$python" -m venv --clear .venv || say_and_stop "could not create $here/.venv; the lines above say why"
  echo "$base" >.venv/.base
fi
rm -f "$stamp"*
echo "installing $lock into .venv (once)"
pip() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
pip --require-hashes -r "$lock" ||
  say_and_stop "installing $lock failed; the lines above say why. If it was the network, call make again"
pip --no-index --no-deps --no-build-isolation -e . ||
  say_and_stop "installing the checkout itself failed; the lines above say why"
# So that not even the first start pays for compiling our own code.
.venv/bin/python -m compileall -q platform tenants b2b migrations wsgi.py >/dev/null 2>&1 || true
wanted "$lock" >"$stamp$lock"
# The second lock holds all of the first with the same pins (tests/architecture/test_locks.py).
[ "$lock" = requirements.lock ] || wanted requirements.lock >"${stamp}requirements.lock"
