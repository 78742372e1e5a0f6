"""The very settings of the platform's gunicorn, without what knows the platform's engines."""

from pathlib import Path
from runpy import run_path

globals().update(run_path(str(Path(__file__).parent.parent / "deploy" / "gunicorn.conf.py")))
del post_fork, child_exit  # noqa: F821  # both came with the line above
# Ours is this one, and at rest closes the platform's connections.
worker_class = "gthread"
