"""gunicorn for `tandem up`, for containers and for systemd; everything that differs comes from the environment."""

import gc
import os

from prometheus_client import multiprocess

from tandem.app import dispose_engines

# `tandem up` and systemd hand over a socket that is already open; otherwise an address.
bind = os.environ.get("TANDEM_BIND") or f"127.0.0.1:{os.environ.get('TANDEM_PORT') or '8000'}"
if int(os.environ.get("LISTEN_FDS", "0")) > 0:
    bind = "fd://3"

workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("TANDEM_THREADS") or 8)
# gunicorn's gthread, which gives back at rest what only work needs.
worker_class = "tandem.cli.resting.RestingWorker"
# The application is loaded once and shared by copy-on-write; engines are opened after the fork.
preload_app = True

# Timeouts nest: client 30 s > proxy 28 > request 25 > statement 5 (reports 20) > lock 1 > pool wait 2.
timeout = 25
graceful_timeout = 25
keepalive = 15

# A slow leak never becomes an outage; the jitter keeps workers from leaving together.
max_requests = 20_000
max_requests_jitter = 2_000

# The default control socket lives in the home folder, where two checkouts would fight over it.
control_socket_disable = True

accesslog = None
errorlog = "-"
forwarded_allow_ips = os.environ.get("TANDEM_PROXIES") or "127.0.0.1"
limit_request_line = 8190
limit_request_fields = 100


def post_fork(server, worker):
    """Connections opened before the fork would be shared by two processes: forget them without closing."""
    dispose_engines(worker.app.wsgi())


def child_exit(server, worker):
    """A dead worker's gauges must not be counted for ever."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)


def when_ready(server):
    """What is loaded now never becomes garbage; frozen, its pages stay shared by all workers."""
    gc.collect()
    gc.freeze()
    # Rows and drafts are no cycles: looking through each batch of them for some is a sixth of a posting's time (0045).
    gc.set_threshold(50_000)
