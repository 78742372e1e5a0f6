"""The housework of signing in."""

from tandem.accounts.people.commands import PURGED_AT_ONCE, forget_old_attempts
from tandem.kernel.jobs import enqueue, job


@job(queue="slow", timeout_seconds=60)
def forget_old_sign_in_attempts() -> None:
    """Drop counts of failed sign-ins whose window has passed; another round follows while there is more."""
    if forget_old_attempts() == PURGED_AT_ONCE:
        enqueue(forget_old_sign_in_attempts)
