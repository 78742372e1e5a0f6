"""The kernel's own housework: bounded jobs of every tenant, done at night or when asked for."""

from typing import Final

from tandem.kernel import audit, crypto, idempotency
from tandem.kernel.jobs import Cron, enqueue, job
from tandem.kernel.jobs.purging import PURGE_ROWS, purge_finished

REENCRYPT_ROWS: Final = 500


@job(queue="slow", timeout_seconds=120)
def purge_finished_jobs() -> None:
    """Drop done jobs after a week; another round follows while there is more."""
    if purge_finished() == PURGE_ROWS:
        enqueue(purge_finished_jobs)


@job(queue="slow", timeout_seconds=120)
def forget_old_idempotency_keys() -> None:
    """Drop idempotency keys after two days."""
    if idempotency.forget_old() == idempotency.FORGET_ROWS:
        enqueue(forget_old_idempotency_keys)


@job(queue="slow", timeout_seconds=120)
def sign_audit_checkpoint() -> None:
    """Sign the end of the tenant's audit chain."""
    audit.sign_checkpoint()


@job(queue="slow", timeout_seconds=120)
def reencrypt_fields() -> None:
    """Bring the tenant's values under its newest key, a batch at a time, until none is left."""
    if crypto.reencrypt_batch(REENCRYPT_ROWS):
        enqueue(reencrypt_fields)


def rotate_tenant_key() -> None:
    """Give the scope's tenant a fresh key and ask for its values to be brought over."""
    number = crypto.rotate_tenant_key()
    audit.record(action="tenant_key.rotated", object_type="tenant_key", object_id=str(number))
    enqueue(reencrypt_fields)


SCHEDULE: Final = (
    Cron("11 3 * * *", sign_audit_checkpoint),
    Cron("23 3 * * *", forget_old_idempotency_keys),
    Cron("37 3 * * *", purge_finished_jobs),
)
