"""The payer's side of the payment provider's sandbox: authorising in the wallet, disputing, and its bad days.

With real Stripe keys there is no sandbox, and none of this happens.
"""

from typing import Any, Final

import requests

TIMEOUT_SECONDS: Final = 60
MISDEEDS: Final = {
    "duplicate_webhook": 0.10,
    "delay_webhook": 0.10,
    "delay_webhook_seconds": 5,
    "reorder_webhook": 0.10,
    "lose_webhook": 0.05,
    "timeout_after_work": 0.02,
    # Counted at each hospital, not drawn: which charge is struck depends on who comes first, the sum does not.
    "charge_different_fee": {"count_each": 1},
    "omit_balance_transaction": {"count_each": 1},
}


class Wallet:
    """What a payer can do at the provider's sandbox."""

    def __init__(self, sandbox_url: str | None) -> None:
        self.url = sandbox_url

    def misbehave(self, seed: int | None) -> None:
        """Let the provider have bad days by this seed; None: good days."""
        if self.url is not None:
            wish = {"seed": seed, **MISDEEDS} if seed is not None else {"seed": 0}
            requests.put(f"{self.url}/_sandbox/misbehaviour", json=wish, timeout=TIMEOUT_SECONDS).raise_for_status()

    def authorise(self, intent_id: str) -> None:
        """Press "pay" in the wallet."""
        self._do(f"payment_intents/{intent_id}/authorize")

    def dispute(self, intent_id: str, *, won: bool) -> None:
        """Dispute a payment at one's bank, which decides at once; `won` says whether for the hospital."""
        opened = self._do("disputes", {"payment_intent": intent_id, "reason": "product_not_received"})
        self.flush()
        self._do(f"disputes/{opened['id']}/{'win' if won else 'lose'}")

    def flush(self) -> None:
        """Deliver every webhook that is due, delayed ones too; the lost stay lost."""
        if self.url is not None:
            self._do("webhooks/flush", {"include_future": True})

    def make_amends(self) -> None:
        """What was left out of the lists is put back."""
        if self.url is not None:
            self._do("misdeeds/amend")

    def misdeeds(self) -> list[dict[str, Any]]:
        """What the provider confesses to."""
        return [] if self.url is None else list(self._read("misdeeds")["data"])

    def balances_minor(self) -> dict[str, int]:
        """What lies on each hospital's account at the provider, in minor units, by our id of the hospital."""
        if self.url is None:
            return {}
        return {each["tandem_key"]: each["balance_minor"] for each in self._read("balances")["data"]}

    def _do(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/{path}", json=body or {}, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def _read(self, path: str) -> Any:
        answer = requests.get(f"{self.url}/_sandbox/{path}", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()
