"""Payments against the ledger in memory: `count` rows on each side, a full outer join by the provider's id.

Facts: `engine` (pandas or duckdb). Both sides lie in memory before the clock starts, in the engine's own best form:
pandas 3 with Arrow-backed strings, duckdb's own tables. Nothing is written to a disk. One row in a thousand differs:
missing on one side, or of another amount; all of those must be found and none besides.
"""

import numpy as np

from benchmarks.stopwatch import Task


def main() -> None:
    task = Task.given()
    {"pandas": _pandas, "duckdb": _duckdb}[task.facts["engine"]](task)


def _sides(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Numbers and amounts of both sides, each in an order of its own, and how many numbers differ."""
    order = np.random.default_rng(task.seed)
    numbers = np.arange(task.count)
    amounts = order.integers(100, 1_000_000, task.count)
    faults = order.permutation(task.count)[: task.count // 1000]
    unpaid, unbooked, off = np.array_split(faults, 3)
    booked = amounts.copy()
    booked[off] += 1
    left = order.permutation(np.setdiff1d(numbers, unpaid, assume_unique=True))
    right = order.permutation(np.setdiff1d(numbers, unbooked, assume_unique=True))
    return left, amounts[left], right, booked[right], len(faults)


def _pandas(task: Task) -> None:
    import pandas as pd

    left, paid, right, booked, planted = _sides(task)
    names = pd.Series([f"pi_{number:024d}" for number in range(task.count)], dtype="str")
    payments = pd.DataFrame({"key": names.take(left).reset_index(drop=True), "paid": paid})
    ledger = pd.DataFrame({"key": names.take(right).reset_index(drop=True), "booked": booked})
    with task.timed():
        merged = payments.merge(ledger, on="key", how="outer", indicator=True, sort=False)
        differing = merged[(merged["_merge"] != "both") | (merged["paid"] != merged["booked"])]
        found = len(differing)
    assert found == planted, (found, planted)
    task.tell(len(merged), found=found)


def _duckdb(task: Task) -> None:
    import duckdb
    import pandas as pd

    left, paid, right, booked, planted = _sides(task)
    database = duckdb.connect(":memory:")
    payments, ledger = pd.DataFrame({"n": left, "amount": paid}), pd.DataFrame({"n": right, "amount": booked})
    database.register("payments", payments)
    database.register("ledger", ledger)
    for name in ("payments", "ledger"):
        database.execute(f"CREATE TABLE {name}_in AS SELECT format('pi_{{:024d}}', n) AS key, amount FROM {name}")
    with task.timed():
        database.execute(
            "CREATE TABLE result AS SELECT coalesce(p.key, l.key) AS key, p.amount AS paid, l.amount AS booked,"
            " CASE WHEN p.key IS NULL THEN 'unpaid' WHEN l.key IS NULL THEN 'unbooked'"
            " WHEN p.amount <> l.amount THEN 'differs' ELSE 'equal' END AS outcome"
            " FROM payments_in p FULL OUTER JOIN ledger_in l ON l.key = p.key"
        )
        found = database.execute("SELECT count(*) FROM result WHERE outcome <> 'equal'").fetchall()[0][0]
    assert found == planted, (found, planted)
    task.tell(task.count, found=found)


main()
