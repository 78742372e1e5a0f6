"""`python -m tandem.cli …`, which the supervisor calls: it needs no script on the path."""

from tandem.cli import main

main(prog_name="tandem")
