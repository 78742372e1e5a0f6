"""Why a day could not be lived to its end: each in one line, for whoever asked for it at a terminal."""

from typing import Any


class DayCutShort(Exception):
    """The words say what was wished or waited for, and what to do where somebody can."""


class Refused(DayCutShort):
    """The platform said no, and why."""

    def __init__(self, method: str, path: str, status: int, body: dict[str, Any]) -> None:
        self.status, self.body = status, body
        self.slug = str(body.get("type", "")).rpartition("/")[2]
        super().__init__(f"{method} {path}: {status} {self.slug} {body}")


class Unanswered(DayCutShort):
    """The platform was silent for longer than a restart takes."""


class Stuck(DayCutShort):
    """Something that had to happen did not, in the time it was given."""


class NotQuiet(DayCutShort):
    """Work that had to end did not."""


class TooFewHospitals(DayCutShort):
    """More hospitals were asked for than are known."""


class TooManyPatients(DayCutShort):
    """More visits were asked for than there are slots."""
