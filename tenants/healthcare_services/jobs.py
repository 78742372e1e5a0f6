"""How the hospital's house keeps the public directory true."""

from tandem.kernel.jobs import job
from tenants.healthcare_services import listing


@job(queue="slow", timeout_seconds=30)
def refresh_directory() -> None:
    """Show the hospital to the public as it stands now, or take it off: whatever the news was that asked for it."""
    listing.refresh_listing()
