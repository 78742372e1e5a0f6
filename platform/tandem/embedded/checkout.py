"""Where the code is that this process runs."""

from pathlib import Path

import tandem
from tandem.embedded.errors import ServerRefused


def checkout() -> Path:
    """The folder with `wsgi.py` and `migrations/`: where the code was installed from, or else the working folder.

    Raises ServerRefused where there is none.
    """
    for folder in (Path(tandem.__file__).resolve().parents[2], Path.cwd()):
        if (folder / "migrations" / "alembic.ini").exists():
            return folder
    raise ServerRefused("no migrations/ here: call this from the folder that holds wsgi.py and migrations/")
