"""The demonstration: a founded operator, a world of hospitals, employers and patients, and days lived in it over HTTP.

It knows the platform only as an outside program would, by its API; only the very first people of the operator, whom
no API can create, are founded inside. 演示
"""

from tandem.demo.day import DaySettings, live_days
from tandem.demo.errors import DayCutShort
from tandem.demo.seeding import seed, seeded_world

__all__ = ["DayCutShort", "DaySettings", "live_days", "seed", "seeded_world"]
