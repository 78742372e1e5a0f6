"""Disputes: the payer's bank takes the money back until someone is right.

The disputed sum and a fee leave the balance when the dispute opens; both return when it is won.
Source: https://docs.stripe.com/disputes/how-disputes-work and https://docs.stripe.com/api/disputes
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import balance
from tandem.stripe_sandbox.objects.fees import DISPUTE_FEE
from tandem.stripe_sandbox.objects.specimens import TEST_CARDS
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import StripeError
from tandem.stripe_sandbox.wire.lists import matching, page

ANSWER_WITHIN_DAYS = 9
OPEN = ("needs_response", "under_review")
REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated",
    "debit_not_authorized", "duplicate", "fraudulent", "general", "incorrect_account_details",
    "insufficient_funds", "product_not_received", "product_unacceptable", "subscription_canceled",
    "unrecognized",
)  # fmt: skip
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy",
    "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
    "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
    "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
VERDICTS = {"winning_evidence": True, "losing_evidence": False}
"""Evidence texts that decide a test dispute at once: https://docs.stripe.com/testing#evidence"""


def follow(books: Books, charge: Record) -> None:
    """A charge on a disputing test card is disputed as soon as it has settled."""
    card = TEST_CARDS.get(charge.hidden.get("token") or "")
    if card and card.dispute_reason and charge.body["captured"]:
        books.schedule("open_dispute", charge.id, books.now + books.work.house.settle_seconds)


def open_dispute(books: Books, charge: Record, reason: str, amount: int | None = None) -> Record:
    """Take a charge's money back for the payer. Raises StripeError when that cannot be."""
    body = charge.body
    if body["disputed"] or body["status"] != "succeeded" or not body["captured"]:
        raise StripeError(
            f"Charge {charge.id} cannot be disputed: it must be captured and not disputed yet.",
            param="charge",
        )
    most = body["amount_captured"]
    amount = most if amount is None else amount
    if not 0 < amount <= most:
        raise StripeError(f"A dispute of this charge is about 1 to {most}.", param="amount")
    key = f"{charge.stable_key}/dispute"
    fee = DISPUTE_FEE.get(body["currency"], 1500)
    dispute = books.add("dispute", _shape(books, charge, reason, amount), stable_key=key, account=books.account)
    _move(books, dispute, -amount, balance.stripe_fee(fee, body["currency"], "Dispute fee"))
    body["disputed"] = True
    books.save(charge)
    news.tell(books, "charge.dispute.created", dispute)
    news.tell(books, "charge.dispute.funds_withdrawn", dispute)
    books.schedule("dispute_overdue", dispute.id, dispute.body["evidence_details"]["due_by"])
    return dispute


def _shape(books: Books, charge: Record, reason: str, amount: int) -> Json:
    details = charge.body["payment_method_details"]
    method: Json = {"type": details["type"]}
    if details["type"] == "card":
        method["card"] = {
            "brand": details["card"]["brand"],
            "case_type": "chargeback",
            "network": details["card"]["network"],
            "network_reason_code": "10",
        }
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge.id,
        "created": books.now,
        "currency": charge.body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": balance.day_after(books.now, ANSWER_WITHIN_DAYS) + balance.DAY - 1,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10",
        "payment_intent": charge.body["payment_intent"],
        "payment_method_details": method,
        "reason": reason,
        "status": "needs_response",
    }


def _move(books: Books, dispute: Record, amount: int, fee_line: Json | None) -> None:
    withdrawn = amount < 0
    movement = balance.post(
        books,
        "adjustment",
        amount,
        dispute.body["currency"],
        dispute.id,
        fee_details=[fee_line] if fee_line else [],
        description=f"Chargeback {'withdrawal' if withdrawn else 'reversal'} for {dispute.body['charge']}",
        reporting_category="dispute" if withdrawn else "dispute_reversal",
        stable_key=f"{dispute.stable_key}/{'withdrawal' if withdrawn else 'reinstatement'}",
    )
    dispute.body["balance_transactions"].append(movement.body)
    books.save(dispute)


def decide(books: Books, dispute: Record, *, won: bool) -> None:
    """Close a dispute for one side. Raises StripeError when it is closed already."""
    if dispute.body["status"] not in OPEN:
        raise StripeError(f"This dispute is already closed ({dispute.body['status']}).")
    previous = {"status": dispute.body["status"]}
    dispute.body["status"] = "won" if won else "lost"
    books.save(dispute)
    if won:
        taken = dispute.body["balance_transactions"][0]["fee"]
        line = balance.stripe_fee(-taken, dispute.body["currency"], "Dispute fee refund")
        _move(books, dispute, dispute.body["amount"], line)
        news.tell(books, "charge.dispute.funds_reinstated", dispute)
    news.tell(books, "charge.dispute.closed", dispute, previous)


def overdue(books: Books, dispute: Record) -> None:
    """Nobody answered in time: lost."""
    if dispute.body["status"] == "needs_response":
        dispute.body["evidence_details"]["past_due"] = True
        decide(books, dispute, won=False)


def update(call: Call) -> Json:
    """Stage or submit evidence; test evidence decides at once."""
    books, params = call.books, call.params
    dispute = books.get("dispute", call.ids["id"])
    evidence = params.get("evidence")
    if evidence and dispute.body["status"] != "needs_response":
        raise StripeError(
            f"Cannot submit evidence: this dispute has a status of {dispute.body['status']}.",
            param="evidence",
        )
    dispute.body["metadata"] = call.metadata(dispute.body["metadata"])
    details = dispute.body["evidence_details"]
    previous: Json = {}
    if evidence:
        dispute.body["evidence"].update(evidence)
        details["has_evidence"] = True
    if evidence and params.get("submit", True):
        previous = {"status": dispute.body["status"]}
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        dispute.body["status"] = "under_review"
    books.save(dispute)
    news.tell(books, "charge.dispute.updated", dispute, previous)
    verdict = VERDICTS.get((evidence or {}).get("uncategorized_text") or "")
    if verdict is not None and dispute.body["status"] == "under_review":
        decide(books, dispute, won=verdict)
    return dispute.body


def close(call: Call) -> Json:
    """Accept that the dispute is lost."""
    dispute = call.books.get("dispute", call.ids["id"])
    decide(call.books, dispute, won=False)
    return dispute.body


def retrieve(call: Call) -> Json:
    """One dispute."""
    return call.books.get("dispute", call.ids["id"]).body


def listing(call: Call) -> Json:
    """Disputes, newest first."""
    filters = matching(call.params, "charge", "payment_intent")
    return page(call.books, "dispute", call.params, "/v1/disputes", filters)


UPDATE = p.EXPAND | {
    "evidence": p.group(dict.fromkeys(EVIDENCE, p.text(20_000))),
    "metadata": p.metadata(),
    "submit": p.boolean(),
}
LIST = p.PAGE | {"charge": p.text(), "created": p.instants(), "payment_intent": p.text()}

ROUTES = [
    Route("GET", "/v1/disputes", listing, LIST),
    Route("GET", "/v1/disputes/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/disputes/{id}", update, UPDATE),
    Route("POST", "/v1/disputes/{id}/close", close, p.EXPAND),
]
