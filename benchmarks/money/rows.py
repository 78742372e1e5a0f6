"""The table of contents: every row of the issue's table, who competes in it, and which data sets they need."""

import os
from typing import Final

from benchmarks.money.contest import Competitor, Ratio, Row
from benchmarks.money.place import programs_of_postgres

_PGBENCH: Final = {
    "program": str(programs_of_postgres() / "pgbench"),
    "clients": [1, 4, 8, 16, 32],
    "cores": os.cpu_count() or 1,
}
_PLPGSQL: Final = "row at a time in PL/pgSQL, prepared, best of 1 to 32 clients; no foreign key, trigger, wall or chain"
_HORDAK: Final = "its own triggers and foreign keys; 50,000 legs per atomic block as in its own benchmark command"


def _ours_posting(key: str, title: str, small: int, full: int, **facts: object) -> Competitor:
    return Competitor(
        key, title, "benchmarks.ours.posting:spread", {"small": small, "full": full}, "ours", "batches of 2,500", facts
    )


POSTING: Final = Row(
    "posting",
    "Batch posting, balanced journals",
    "20,000 journals/s on one core's worth; 25x hordak bulk, 150x its single, 3x row-at-a-time PL/pgSQL",
    "journals",
    [
        _ours_posting("ours_4", "Tandem, 4 legs", 5_000, 100_000, legs=4),
        _ours_posting("ours_2", "Tandem, 2 legs", 5_000, 100_000, legs=2),
        Competitor("hordak_bulk_4", "django-hordak bulk_create, 4 legs", "hordak_posting.py",
                   {"small": 500, "full": 12_500}, "hordak", _HORDAK, {"legs": 4}),
        Competitor("hordak_bulk_2", "django-hordak bulk_create, 2 legs", "hordak_posting.py",
                   {"small": 500, "full": 25_000}, "hordak", _HORDAK, {"legs": 2}),
        Competitor("hordak_single_4", "django-hordak one by one, 4 legs", "hordak_posting.py",
                   {"small": 50, "full": 500}, "hordak", "one atomic block each", {"legs": 4, "single": True}),
        Competitor("hordak_single_2", "django-hordak one by one, 2 legs", "hordak_posting.py",
                   {"small": 50, "full": 1_000}, "hordak", "one atomic block each", {"legs": 2, "single": True}),
        Competitor("plpgsql_4", "PL/pgSQL under pgbench, 4 legs", "pgbench_rows.py",
                   {"small": 2, "full": 6}, "template0", _PLPGSQL, _PGBENCH | {"load": "posting"}),
    ],
    [
        Ratio("Tandem, journals per CPU second (own and server)", "ours_4", None, 20_000, "cpu"),
        Ratio("over hordak bulk, 4 legs", "ours_4", "hordak_bulk_4", 25),
        Ratio("over hordak bulk, 2 legs", "ours_2", "hordak_bulk_2", 25),
        Ratio("over hordak one by one, 4 legs", "ours_4", "hordak_single_4", 150),
        Ratio("over hordak one by one, 2 legs", "ours_2", "hordak_single_2", 150),
        Ratio("over PL/pgSQL row at a time, 4 legs", "ours_4", "plpgsql_4", 3),
    ],
)  # fmt: skip

HOT: Final = Row(
    "hot",
    "One hot account in every journal",
    "90 % of the spread rate",
    "journals",
    [
        _ours_posting("ours_spread", "Tandem, spread", 5_000, 100_000, legs=4),
        _ours_posting("ours_hot", "Tandem, one hot account", 5_000, 100_000, legs=4, hot=True),
        Competitor("plpgsql_spread", "PL/pgSQL under pgbench, spread", "pgbench_rows.py",
                   {"small": 2, "full": 5}, "template0", _PLPGSQL, _PGBENCH | {"load": "posting"}),
        Competitor("plpgsql_hot", "PL/pgSQL under pgbench, one hot account", "pgbench_rows.py",
                   {"small": 2, "full": 5}, "template0", _PLPGSQL, _PGBENCH | {"load": "posting", "hot": True}),
    ],
    [
        Ratio("hot over spread, Tandem", "ours_hot", "ours_spread", 0.9),
        Ratio("hot over spread, Tandem, by CPU", "ours_hot", "ours_spread", 0.9, "cpu"),
        Ratio("hot over spread, PL/pgSQL", "plpgsql_hot", "plpgsql_spread"),
    ],
)  # fmt: skip

_DJSTRIPE: Final = (
    "no middleware but CommonMiddleware, one persistent connection per thread, the values of deploy/gunicorn.conf.py"
)
WEBHOOKS: Final = Row(
    "webhooks",
    "Webhook inbox, 50 % duplicates, random order, eight connections",
    "5x dj-stripe on the same gunicorn and PostgreSQL",
    "deliveries",
    [
        Competitor("ours", "Tandem", "benchmarks.ours.webhooks:inbox", {"small": 1_000, "full": 8_000}, "ours",
                   "deploy/gunicorn.conf.py; stored and a job enqueued, folded later by workers that do not run here"),
        Competitor("djstripe", "dj-stripe, as documented", "benchmarks.ours.webhooks:djstripe",
                   {"small": 200, "full": 1_000}, "djstripe",
                   f"{_DJSTRIPE}; works each event in the request; the provider's answer stands ready in a stub",
                   wants_peers=True),
        Competitor("djstripe_queued", "dj-stripe, event callback to a queue", "benchmarks.ours.webhooks:djstripe",
                   {"small": 400, "full": 4_000}, "djstripe",
                   f"{_DJSTRIPE}; DJSTRIPE_WEBHOOK_EVENT_CALLBACK puts the delivery on a Redis list, nothing else is"
                   " done, and duplicates are not told apart", {"queued": True}, wants_peers=True),
    ],
    [
        Ratio("over dj-stripe as documented", "ours", "djstripe", 5),
        Ratio("over dj-stripe with a queue", "ours", "djstripe_queued"),
    ],
)  # fmt: skip

ROWS: Final = [POSTING, HOT, WEBHOOKS]
