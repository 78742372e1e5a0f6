"""The sandbox as one thing: its file, its clock, its house rules, and a way to work in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tandem.stripe_sandbox import agenda
from tandem.stripe_sandbox.books import Books, House, Work
from tandem.stripe_sandbox.clock import Clock
from tandem.stripe_sandbox.objects import accounts, webhook_endpoints
from tandem.stripe_sandbox.storage import Storage, forget_everything, read_setting, write_setting


class Sandbox:
    """Opens the file in ``folder`` and makes sure the platform's account and default endpoint exist."""

    def __init__(
        self,
        folder: Path,
        house: House,
        *,
        clock_file: Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
    ) -> None:
        self.house = house
        self.storage = Storage(folder)
        self._webhook = (webhook_url, webhook_secret)
        with self.storage.transaction() as db:
            self.clock = Clock(read_setting(db, "clock_offset_seconds") or 0, clock_file)
            self._furnish(Books(Work(db, house, self.clock.now()), house.platform_account))

    def _furnish(self, platform: Books) -> None:
        accounts.ensure_platform(platform)
        url, secret = self._webhook
        if url and secret:
            webhook_endpoints.install_default(platform, url, secret)

    @contextmanager
    def work(self, request_id: str | None = None, idempotency_key: str | None = None) -> Iterator[Books]:
        """One transaction on the platform's books, with everything that fell due done first."""
        with self.storage.transaction() as db:
            work = Work(db, self.house, self.clock.now(), request_id, idempotency_key)
            agenda.run_due(work)
            yield Books(work, self.house.platform_account)

    def move_clock(self, offset_seconds: float) -> None:
        """Set the clock and remember it; what falls due by the new time is done."""
        self.clock.move_to(offset_seconds)
        with self.work() as books:
            write_setting(books.work.db, "clock_offset_seconds", offset_seconds)

    def reset(self) -> None:
        """Forget everything but the flags."""
        self.clock.move_to(0)
        with self.storage.transaction() as db:
            forget_everything(db)
            self._furnish(Books(Work(db, self.house, self.clock.now()), self.house.platform_account))

    def close(self) -> None:
        """Let go of the file."""
        self.storage.close()
