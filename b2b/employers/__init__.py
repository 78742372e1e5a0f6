"""The enterprise as a customer: what its invoices say and when they fall due. 企业"""

from b2b.employers.queries import payment_days

__all__ = ["payment_days"]
