"""The demonstrator's hand: what no Stripe API offers but every rehearsal needs. JSON in, JSON out.

``/_sandbox/…`` needs no key: the sandbox listens on a loopback address and holds play money only.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tandem.stripe_sandbox import agenda, misbehaviour
from tandem.stripe_sandbox.books import Books, Record, as_record
from tandem.stripe_sandbox.delivery import Courier
from tandem.stripe_sandbox.desk import Reply, Request, json_reply
from tandem.stripe_sandbox.objects import balance, checkout_sessions, disputes, payments, payouts, webhook_endpoints
from tandem.stripe_sandbox.sandbox import Sandbox
from tandem.stripe_sandbox.server import read_json
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, ResourceMissing, RouteUnknown, StripeError

Told = dict[str, Any]


class Control:
    """Answers requests under ``/_sandbox``."""

    def __init__(self, sandbox: Sandbox, courier: Courier) -> None:
        self._sandbox = sandbox
        self._courier = courier
        self._routes: list[tuple[str, str, Callable[[dict[str, str], Told], Any]]] = [
            ("GET", "/health", self._health),
            ("POST", "/reset", self._reset),
            ("GET", "/clock", lambda ids, told: sandbox.clock.reading()),
            ("PUT", "/clock", self._move_clock),
            ("GET", "/balances", self._balances),
            ("GET", "/misbehaviour", self._settings),
            ("PUT", "/misbehaviour", self._misbehave),
            ("GET", "/misdeeds", self._misdeeds),
            ("POST", "/misdeeds/{id}/amend", self._amend),
            ("POST", "/misdeeds/amend", self._amend_all),
            ("POST", "/payment_intents/{id}/authorize", self._authorize),
            ("POST", "/payment_intents/{id}/decline", self._decline),
            ("POST", "/disputes", self._open_dispute),
            ("POST", "/disputes/{id}/win", self._win),
            ("POST", "/disputes/{id}/lose", self._lose),
            ("POST", "/payouts/run", self._run_payouts),
            ("POST", "/payouts/{id}/pay", self._pay_payout),
            ("POST", "/payouts/{id}/fail", self._fail_payout),
            ("POST", "/checkout/sessions/{id}/complete", self._complete_session),
            ("POST", "/webhooks/flush", self._flush),
            ("GET", "/webhooks/deliveries", self._deliveries),
            ("POST", "/webhooks/events/{id}/resend", self._resend),
            ("POST", "/webhooks/endpoints/{id}/roll_secret", self._roll_secret),
        ]

    def answer(self, request: Request) -> Reply:
        """The control answer, an error body included; never raises StripeError."""
        path = request.path.removeprefix("/_sandbox")
        try:
            told = read_json(request)
            if not isinstance(told, dict):
                raise ParameterInvalid("A control call is told as a JSON object.")
            for pair in request.query.split("&") if request.query else []:
                name, _, value = pair.partition("=")
                told.setdefault(name, value)
            for method, pattern, handler in self._routes:
                match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
                if method == request.method and match:
                    return json_reply(200, handler(match.groupdict(), told))
            raise RouteUnknown(f"No such control: {request.method} {request.path}")
        except StripeError as refusal:
            return json_reply(refusal.status, refusal.body())

    def _health(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            counted = books.work.db.execute(
                "SELECT (SELECT count(*) FROM object) AS objects,"
                " (SELECT count(*) FROM delivery WHERE state = 'pending') AS deliveries_pending,"
                " (SELECT count(*) FROM misdeed) AS misdeeds"
            ).fetchone()
        house = self._sandbox.house
        return {
            "status": "ok",
            "account": house.platform_account,
            "clock": self._sandbox.clock.reading(),
            **dict(counted),
        }

    def _reset(self, ids: dict[str, str], told: Told) -> Json:
        self._sandbox.reset()
        self._courier.wait_until_idle()  # or a parcel of before would arrive after the reset
        return {"reset": True}

    def _move_clock(self, ids: dict[str, str], told: Told) -> Json:
        clock = self._sandbox.clock
        if set(told) == {"offset_seconds"} and _is_number(told["offset_seconds"]):
            offset = float(told["offset_seconds"])
        elif set(told) == {"now"} and isinstance(told["now"], str):
            offset = _moment(told["now"]) - clock.now() + clock.offset_seconds
        else:
            raise ParameterInvalid('Tell the clock {"now": an RFC 3339 time} or {"offset_seconds": a number}.')
        self._sandbox.move_clock(offset)
        self._courier.ring()
        return dict(clock.reading())

    def _balances(self, ids: dict[str, str], told: Told) -> Json:
        """What each connected account holds, available or pending, by the key its opener gave it."""
        with self._sandbox.work() as books:
            held = [
                {
                    "account": record.id,
                    "tandem_key": (record.body.get("metadata") or {}).get("tandem_key"),
                    "balance_minor": sum(
                        totals["available"] + totals["pending"] for totals in balance.sums(books.of(record.id)).values()
                    ),
                }
                for record in books.where("account", "1")
            ]
        return {"data": held}

    def _settings(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            return misbehaviour.settings(books)

    def _misbehave(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            return misbehaviour.configure(books, told)

    def _misdeeds(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            return {"data": misbehaviour.misdeeds(books, told.get("kind"))}

    def _amend(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            self._amend_one(books, misbehaviour.misdeed(books, ids["id"]))
            return misbehaviour.misdeed(books, ids["id"])

    def _amend_all(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            open_ones = [
                one for one in misbehaviour.misdeeds(books, "omit_balance_transaction") if one["amended_at"] is None
            ]
            for one in open_ones:
                self._amend_one(books, one)
        self._courier.ring()
        return {"amended": len(open_ones)}

    def _amend_one(self, books: Books, misdeed: Json) -> None:
        """Make good what can be: an omitted movement is shown, a lost webhook is sent."""
        theirs = books.of(misdeed["account"])
        if misdeed["kind"] == "omit_balance_transaction":
            movement = theirs.find(misdeed["object"])
            if movement is not None:
                agenda.release_movement(theirs, movement)
        elif misdeed["kind"] == "lose_webhook":
            books.work.db.execute(
                "UPDATE delivery SET state = 'pending' WHERE event = ? AND state = 'lost'",
                (misdeed["object"],),
            )
            misbehaviour.mark_amended(books, "lose_webhook", misdeed["object"])
        else:
            raise StripeError(f"A misdeed of kind {misdeed['kind']} cannot be undone.")

    def _authorize(self, ids: dict[str, str], told: Told) -> Json:
        return self._payer_answers(ids["id"], agreed=True)

    def _decline(self, ids: dict[str, str], told: Told) -> Json:
        return self._payer_answers(ids["id"], agreed=False)

    def _payer_answers(self, identifier: str, *, agreed: bool) -> Json:
        with self._sandbox.work() as books:
            theirs, intent = _anywhere(books, "payment_intent", identifier)
            payments.answer(theirs, intent, agreed=agreed)
        self._courier.ring()
        return intent.body

    def _open_dispute(self, ids: dict[str, str], told: Told) -> Json:
        reason, amount = told.get("reason", "fraudulent"), told.get("amount")
        if reason not in disputes.REASONS:
            raise ParameterInvalid(f"reason must be one of {', '.join(disputes.REASONS)}", param="reason")
        if amount is not None and not _is_number(amount):
            raise ParameterInvalid("amount must be a whole number of minor units.", param="amount")
        with self._sandbox.work() as books:
            if told.get("payment_intent"):
                theirs, intent = _anywhere(books, "payment_intent", told["payment_intent"])
                charge = theirs.get("charge", intent.body["latest_charge"] or "")
            else:
                theirs, charge = _anywhere(books, "charge", told.get("charge", ""))
            dispute = disputes.open_dispute(theirs, charge, reason, amount)
        self._courier.ring()
        return dispute.body

    def _win(self, ids: dict[str, str], told: Told) -> Json:
        return self._decide(ids["id"], won=True)

    def _lose(self, ids: dict[str, str], told: Told) -> Json:
        return self._decide(ids["id"], won=False)

    def _decide(self, identifier: str, *, won: bool) -> Json:
        with self._sandbox.work() as books:
            theirs, dispute = _anywhere(books, "dispute", identifier)
            disputes.decide(theirs, dispute, won=won)
        self._courier.ring()
        return dispute.body

    def _run_payouts(self, ids: dict[str, str], told: Told) -> Json:
        """Pay out what is available: of one ``account``, or of every account there is."""
        with self._sandbox.work() as books:
            if told.get("account"):
                accounts = [books.get("account", str(told["account"])).id]
            else:
                accounts = [record.id for record in books.where("account", "1")]
            made = [p.body | {"account": a} for a in accounts for p in payouts.run(books.of(a), told.get("currency"))]
        self._courier.ring()
        return {"data": made}

    def _pay_payout(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            theirs, payout = _anywhere(books, "payout", ids["id"])
            payouts.pay(theirs, payout)
        self._courier.ring()
        return payout.body

    def _fail_payout(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            theirs, payout = _anywhere(books, "payout", ids["id"])
            payouts.fail(theirs, payout)
        self._courier.ring()
        return payout.body

    def _complete_session(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            theirs, session = _anywhere(books, "checkout.session", ids["id"])
            body = checkout_sessions.complete(theirs, session, str(told.get("payment_method", "pm_card_visa")))
        self._courier.ring()
        return body

    def _flush(self, ids: dict[str, str], told: Told) -> Json:
        """Deliver all due now and wait; ``include_future`` also what is delayed or waits to retry."""
        self._courier.flush(include_future=told.get("include_future") in (True, "true"))
        return self._deliveries({}, {"state": "pending"})

    def _deliveries(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            rows = books.work.db.execute(
                "SELECT delivery.*, json_extract(object.body, '$.type') AS type FROM delivery"
                " LEFT JOIN object ON object.id = delivery.event AND object.account = delivery.account"
                " WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR event = ?2) ORDER BY delivery.seq",
                (told.get("state"), told.get("event")),
            ).fetchall()
        return {"data": [dict(row) for row in rows], "count": len(rows)}

    def _resend(self, ids: dict[str, str], told: Told) -> Json:
        with self._sandbox.work() as books:
            _anywhere(books, "event", ids["id"])
            books.work.db.execute(
                "INSERT INTO delivery (account, event, endpoint, due_ms, state)"
                " SELECT DISTINCT account, event, endpoint, ?, 'pending' FROM delivery WHERE event = ?",
                (books.now * 1000, ids["id"]),
            )
        self._courier.ring()
        return self._deliveries({}, {"event": ids["id"]})

    def _roll_secret(self, ids: dict[str, str], told: Told) -> Json:
        seconds = told.get("old_lasts_seconds", 24 * 3600)
        if not _is_number(seconds) or seconds < 0:
            raise ParameterInvalid("old_lasts_seconds must be a number from 0.", param="old_lasts_seconds")
        with self._sandbox.work() as books:
            endpoint = books.get("webhook_endpoint", ids["id"])
            return {"secret": webhook_endpoints.roll_secret(books, endpoint, int(seconds))}


def _anywhere(books: Books, kind: str, identifier: Any) -> tuple[Books, Record]:
    """An object of any account. Raises ResourceMissing."""
    row = books.work.db.execute(
        "SELECT account, kind, id, created, withheld, body, hidden FROM object"
        " WHERE id = ? AND kind = ? ORDER BY seq LIMIT 1",
        (str(identifier), kind),
    ).fetchone()
    if row is None:
        raise ResourceMissing.named(kind, str(identifier))
    record = as_record(row)
    return books.of(record.account), record


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 10**11


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as mistake:
        raise ParameterInvalid(f"Not an RFC 3339 time: {text[:60]}", param="now") from mistake
    if moment.tzinfo is None:
        raise ParameterInvalid("The time needs a zone, for example Z or +08:00.", param="now")
    return moment.timestamp()
