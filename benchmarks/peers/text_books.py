"""The exported book of `count` journals, loaded and checked by beancount or by hledger.

Without a `tool` it is beancount, else the path of hledger. beancount: `loader.load_file`, which parses, books and
validates, as bean-check does, with its load cache off and the C parser its wheel brings. hledger: `check`, which
parses, balances and runs the basic checks.
"""

import os
import subprocess

from benchmarks.stopwatch import Task


def main() -> None:
    task = Task.given()
    (_hledger if "tool" in task.facts else _beancount)(task)


def _beancount(task: Task) -> None:
    os.environ["BEANCOUNT_DISABLE_LOAD_CACHE"] = "1"
    from beancount import loader
    from beancount.core.data import Transaction

    with task.timed():
        entries, errors, _ = loader.load_file(f"{task.home}/book-{task.count}.beancount")
    assert not errors, errors[:3]
    found = sum(isinstance(entry, Transaction) for entry in entries)
    assert found == task.count, found
    task.tell()


def _hledger(task: Task) -> None:
    with task.timed():
        done = subprocess.run(
            [task.facts["tool"], "-f", f"{task.home}/book-{task.count}.hledger", "check"], check=False
        )
    assert done.returncode == 0, done
    task.tell()


main()
