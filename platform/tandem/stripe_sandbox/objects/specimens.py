"""Stripe's test payment methods: a name that stands for a behaviour.

Source: https://docs.stripe.com/testing
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TestCard:
    """What a card is, and what happens when it is charged."""

    last4: str
    brand: str = "visa"
    funding: str = "credit"
    decline_code: str | None = None
    error_code: str = "card_declined"
    message: str = "Your card was declined."
    needs_authentication: bool = False
    dispute_reason: str | None = None
    refund_fails: bool = False
    available_at_once: bool = False


TEST_CARDS = {
    "pm_card_visa": TestCard("4242"),
    "pm_card_visa_debit": TestCard("5556", funding="debit"),
    "pm_card_mastercard": TestCard("4444", brand="mastercard"),
    "pm_card_amex": TestCard("8431", brand="amex"),
    "pm_card_unionpay": TestCard("0005", brand="unionpay"),
    "pm_card_cn": TestCard("0008"),
    "pm_card_bypassPending": TestCard("0077", available_at_once=True),
    "pm_card_chargeDeclined": TestCard("0002", decline_code="generic_decline"),
    "pm_card_visa_chargeDeclined": TestCard("0002", decline_code="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": TestCard(
        "9995", decline_code="insufficient_funds", message="Your card has insufficient funds."
    ),
    "pm_card_visa_chargeDeclinedInsufficientFunds": TestCard(
        "9995", decline_code="insufficient_funds", message="Your card has insufficient funds."
    ),
    "pm_card_chargeDeclinedExpiredCard": TestCard(
        "0069", decline_code="expired_card", error_code="expired_card", message="Your card has expired."
    ),
    "pm_card_chargeDeclinedFraudulent": TestCard("0019", decline_code="fraudulent"),
    "pm_card_chargeDeclinedProcessingError": TestCard(
        "0119",
        decline_code="processing_error",
        error_code="processing_error",
        message="An error occurred while processing your card. Try again in a little bit.",
    ),
    "pm_card_authenticationRequired": TestCard("3184", needs_authentication=True),
    "pm_card_threeDSecure2Required": TestCard("3220", needs_authentication=True),
    "pm_card_createDispute": TestCard("0259", dispute_reason="fraudulent"),
    "pm_card_createDisputeProductNotReceived": TestCard("2685", dispute_reason="product_not_received"),
    "pm_card_refundFail": TestCard("5126", refund_fails=True),
}
