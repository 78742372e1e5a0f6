"""Money at speed, against peers on the same PostgreSQL: rows of a table, competitors in a row, runs that take turns.

`rows.py` is the table of contents. A competitor of ours is a function of a Task in `benchmarks/ours/`; a peer's is a
program in `benchmarks/peers/` that runs in a virtual environment of its own. Neither may know the other.
"""
