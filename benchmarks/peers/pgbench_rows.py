"""The best that can be had row by row: a PL/pgSQL function, or one statement, under pgbench at its best concurrency.

Facts: `program` (where pgbench is), `load` (`posting` or `usage`), `hot`, `clients` (those that are tried),
`cores`. There is no foreign key, no trigger, no wall and no chain in these tables: nothing but the work.
Settings: prepared statements, balances in a table with fillfactor 50, accounts locked in order so that nobody waits
in a circle; the concurrency is found by trying each for a second.
"""

import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.stopwatch import Task

TRY_SECONDS = 1

POSTING = """
CREATE TABLE account (id int PRIMARY KEY, balance_minor bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE journal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, idem_key bigint NOT NULL UNIQUE,
    kind text NOT NULL, effective_at timestamptz NOT NULL, booked_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE entry (journal_id bigint, line_no int, account_id int NOT NULL, amount_minor bigint NOT NULL CHECK
    (amount_minor <> 0), PRIMARY KEY (journal_id, line_no));
CREATE INDEX entry_by_account ON entry (account_id, journal_id) INCLUDE (amount_minor);
INSERT INTO account (id) SELECT generate_series(0, 1000);
CREATE FUNCTION post(p_key bigint, p_accounts int[], p_amounts bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint; leg record; off_by bigint := 0;
BEGIN
    INSERT INTO journal (idem_key, kind, effective_at) VALUES (p_key, 'benchmark', now())
        ON CONFLICT (idem_key) DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        RETURN NULL;
    END IF;
    FOR leg IN SELECT u.account, u.amount, u.line_no FROM unnest(p_accounts, p_amounts)
            WITH ORDINALITY AS u(account, amount, line_no) ORDER BY u.account LOOP
        INSERT INTO entry VALUES (made, leg.line_no, leg.account, leg.amount);
        UPDATE account SET balance_minor = balance_minor + leg.amount WHERE id = leg.account;
        off_by := off_by + leg.amount;
    END LOOP;
    IF off_by <> 0 THEN
        RAISE EXCEPTION 'journal is off by %', off_by;
    END IF;
    RETURN made;
END $$;
"""
POST = """\\set k random(1, 9000000000000000)
\\set a {first}
\\set b random(251, 500)
\\set c random(501, 750)
\\set d random(751, 1000)
\\set x random(1, 100000)
\\set y random(200001, 300000)
\\set z random(1, 100000)
\\set v 0 - :y
\\set w :y - :x - :z
SELECT post(:k, ARRAY[:a, :b, :c, :d]::int[], ARRAY[:x, :v, :z, :w]::bigint[]);
"""
USAGE = """
CREATE TABLE usage_event (tenant_id int, source text, event_id bigint, meter text NOT NULL, subject int NOT NULL,
    quantity numeric NOT NULL, at timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source, event_id));
CREATE INDEX usage_event_by_time ON usage_event (tenant_id, at, event_id);
CREATE TABLE usage_rollup (tenant_id int, meter text, subject int, hour timestamptz, quantity numeric NOT NULL,
    events bigint NOT NULL, PRIMARY KEY (tenant_id, meter, subject, hour)) WITH (fillfactor = 50);
"""
METER = """\\set e random(1, 9000000000000000)
\\set s random(1, 50)
\\set h random(0, 719)
WITH fresh AS (INSERT INTO usage_event (tenant_id, source, event_id, meter, subject, quantity, at) VALUES
    (1, 'benchmark', :e, 'visit', :s, 1, timestamptz '2026-01-01' + make_interval(hours => :h::int))
    ON CONFLICT DO NOTHING RETURNING *)
INSERT INTO usage_rollup AS r (tenant_id, meter, subject, hour, quantity, events)
    SELECT tenant_id, meter, subject, date_trunc('hour', at), quantity, 1 FROM fresh
    ON CONFLICT (tenant_id, meter, subject, hour) DO UPDATE SET quantity = r.quantity + EXCLUDED.quantity,
    events = r.events + 1;
"""


def main() -> None:
    task = Task.given()
    load, seconds = task.facts["load"], task.count
    with psycopg.connect(task.url, autocommit=True) as admin:
        admin.execute(POSTING if load == "posting" else USAGE)
    first = "0" if task.facts.get("hot") else "random(1, 250)"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.sql"
        script.write_text(POST.format(first=first) if load == "posting" else METER)
        tried = {clients: _rate(task, script, clients, TRY_SECONDS)[0] for clients in task.facts["clients"]}
        best = max(tried, key=tried.__getitem__)
        with task.timed():
            _, done = _rate(task, script, best, seconds)
    task.tell(done, clients=best, tried=tried)


def _rate(task: Task, script: Path, clients: int, seconds: int) -> tuple[float, int]:
    place = urlsplit(task.url)
    done = subprocess.run(
        [
            *(task.facts["program"], "-n", "-M", "prepared", "-f", str(script), "-c", str(clients)),
            *("-j", str(min(clients, task.facts["cores"])), "-T", str(seconds)),
            *("-h", str(place.hostname), "-p", str(place.port), "-U", str(place.username), place.path.strip("/")),
        ],
        env={"PGPASSWORD": str(place.password), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(next((line for line in done.stderr.splitlines() if "ERROR" in line), done.stderr.strip()))
    rate = re.search(r"tps = ([0-9.]+)", done.stdout)
    processed = re.search(r"actually processed: (\d+)", done.stdout)
    assert rate and processed, done.stdout
    return float(rate.group(1)), int(processed.group(1))


main()
