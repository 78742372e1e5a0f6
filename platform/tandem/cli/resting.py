"""gunicorn's threaded worker, which at rest gives back what only work needs."""

import time
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

from tandem.kernel import footprint

# Warm, a worker holds about 40 MB of its own, and stays warm. More is a dictionary, a font or a workbook that one
# request needed: then the next is served by a worker forked anew, which costs 20 ms, and nobody waits.
REST_OWN_BYTES: Final = 56 << 20


class RestingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Answers as gunicorn's own does. After ten seconds without a request it rests, until the next comes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answered, self._idle_since, self._rests = 0, time.monotonic(), False

    def notify(self) -> None:
        """Told to the master at least once a second, between two looks at the sockets."""
        super().notify()
        now, waiting = time.monotonic(), len(self.keepalived_conns) + len(self.pending_conns)
        if self.nr != self._answered or self.nr_conns > waiting:
            self._answered, self._idle_since, self._rests = self.nr, now, False
        elif not self._rests and now - self._idle_since > footprint.REST_SECONDS:
            self._rests = True
            self._rest()

    def _rest(self) -> None:
        with self.wsgi.app_context():
            footprint.give_back()
        if footprint.own_bytes() > REST_OWN_BYTES:
            self.log.info("Worker is large and at rest: another takes its place")
            self.alive = False
