"""The enterprise as a customer: what its invoices say and when they fall due. 企业"""

from b2b.employers.queries import invoiced_as, payment_days

__all__ = ["invoiced_as", "payment_days"]
