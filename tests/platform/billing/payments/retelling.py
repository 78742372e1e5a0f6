"""A story of one till, remembered as everything the provider ever said of it, and told again to other tills.

The provider says of each object what it is at the moment of asking. Whoever asks late, or twice, or folds an old
answer after a new one, must end in the same book; so a retelling is any sequence of answers of any moment, and then
the gap filler's look at what everything is in the end.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select

from tandem.billing.payments import Payment, Refund, commands
from tandem.billing.stripe_gateway import StripeGateway, gateway
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.digests import book_digest
from tests.platform.billing.payments.till import Till

EVER: Final = datetime(2020, 1, 1, tzinfo=UTC)
LOST: Final = 0.25
"""The share of answers that a retelling leaves out, and the share that it doubles."""

Fold = Callable[[Any], None]
_LISTS: Final[list[tuple[Callable[..., Any], Fold]]] = [
    (StripeGateway.intents_since, commands.fold_intent),
    (StripeGateway.refunds_since, commands.fold_refund),
    (StripeGateway.disputes_since, commands.fold_dispute),
    (StripeGateway.payouts_since, commands.fold_payout),
    (StripeGateway.movements_since, commands.fold_movement),
]


@dataclass
class Story:
    """Rows of ours as they were before anybody spoke to the provider, and its answers in the order of telling."""

    payments: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    answers: list[tuple[Fold, Any]]
    last: list[tuple[Fold, Any]]

    def told_in_order(self) -> str:
        """The book of a till that hears everything once, at once and in order."""
        return self._told([*self.answers, *self.last])

    def retold(self, seed: int) -> str:
        """The book of a till that hears it in an order, with the doubles and gaps that the seed decides."""
        dice = random.Random(seed)
        heard = [each for each in self.answers if dice.random() > LOST]
        heard += [each for each in self.answers if dice.random() < LOST]
        dice.shuffle(heard)
        return self._told([*heard, *self.last])

    def _told(self, answers: list[tuple[Fold, Any]]) -> str:
        tenant = new_id()
        with acting_for(tenant), transaction():
            session.execute(insert(Payment), [each | {"tenant_id": tenant} for each in self.payments])
            if self.refunds:
                session.execute(insert(Refund), [each | {"tenant_id": tenant} for each in self.refunds])
            for fold, told in answers:
                fold(told)
        return book_digest(tenant)


@dataclass
class Witness:
    """Stands beside a till and writes down what the provider says after each step."""

    till: Till
    _said: dict[tuple[Fold, Any], None] = field(default_factory=dict)

    def look(self) -> None:
        """Ask the provider for all it knows of the account now."""
        self._said |= dict.fromkeys(self._now())

    def step(self, path: str, **told: Any) -> Any:
        """Let something happen at the provider, and look before and after everybody has heard of it."""
        answer = self.till.provider.post(path, told)
        self.look()
        self.till.settle()
        self.look()
        return answer

    def story(self) -> Story:
        """All of it."""
        self.till.settle()
        last = self._now()
        with acting_for(self.till.hospital_id):
            payments = session.scalars(select(Payment).where(Payment.tenant_id == self.till.hospital_id)).all()
            refunds = session.scalars(
                select(Refund).where(Refund.tenant_id == self.till.hospital_id, Refund.reason != "provider")
            ).all()
        reserved = {each.id: 0 for each in payments}
        for each in refunds:
            reserved[each.payment_id] += each.amount_minor
        return Story(
            [_afresh(each, reserved[each.id]) for each in payments],
            [_refund_afresh(each) for each in refunds],
            [*self._said],
            last,
        )

    def _now(self) -> list[tuple[Fold, Any]]:
        account = self.till.account()
        return [(fold, told) for listing, fold in _LISTS for told in listing(gateway(), account, EVER)]


def _afresh(row: Payment, reserved_minor: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "order_type": row.order_type,
        "order_id": row.order_id,
        "method": row.method,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "status": "created",
        "claims_order": True,
        "refund_reserved_minor": reserved_minor,
        "refunded_minor": 0,
        "created_at": row.created_at,
        "asked_at": row.created_at,
    }


def _refund_afresh(row: Refund) -> dict[str, Any]:
    return {
        "id": row.id,
        "payment_id": row.payment_id,
        "key": row.key,
        "reason": row.reason,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "status": "created",
        "is_posted": False,
        "is_reversed": False,
        "created_at": row.created_at,
        "asked_at": row.created_at,
    }


def intent_of(till: Till, payment_id: UUID) -> str:
    return till.payment(payment_id).provider_intent_id or ""
