"""Fapiao of invoices, asked for and issued elsewhere, taken back by red letters; and medical receipts' numbers. 发票

Two flows that never meet: a fapiao is the operator's for an enterprise or hospital; a medical receipt is a hospital's
own for its patient, of which only number and hash are kept (money.md N9).
"""

from tandem.billing.fapiao.commands import (
    Wanted,
    confirm_red_letter,
    record_issued,
    record_medical_receipt,
    record_rejected,
    request_fapiao,
    request_red_letter,
)
from tandem.billing.fapiao.events import FapiaoIssued, FapiaoRejected, FapiaoRequested
from tandem.billing.fapiao.models import Fapiao, MedicalReceipt

__all__ = [
    "Fapiao",
    "FapiaoIssued",
    "FapiaoRejected",
    "FapiaoRequested",
    "MedicalReceipt",
    "Wanted",
    "confirm_red_letter",
    "record_issued",
    "record_medical_receipt",
    "record_rejected",
    "request_fapiao",
    "request_red_letter",
]
