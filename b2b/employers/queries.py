"""Named reads of an employer. [employer]"""

from sqlalchemy import select

from b2b.employers.models import PAYMENT_DAYS_DEFAULT, EmployerProfile
from tandem.billing.invoices import Buyer
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def profile() -> EmployerProfile:
    """Raises NotFound until the employer has said how it is invoiced."""
    found = session.scalars(select(EmployerProfile).where(EmployerProfile.tenant_id == tenant_id())).one_or_none()
    if found is None:
        raise NotFound
    return found


def invoiced_as() -> Buyer | None:
    """How the employer wants to be named on its invoices; None until it has said."""
    found = session.scalars(select(EmployerProfile).where(EmployerProfile.tenant_id == tenant_id())).one_or_none()
    return None if found is None else Buyer(found.invoice_title, found.tax_number)


def payment_days() -> int:
    """Days from issue to due date."""
    days = session.scalar(select(EmployerProfile.payment_days).where(EmployerProfile.tenant_id == tenant_id()))
    return PAYMENT_DAYS_DEFAULT if days is None else days
