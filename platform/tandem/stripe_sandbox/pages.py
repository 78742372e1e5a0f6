"""The pages a payer sees: agree in the wallet or with the bank, press Pay at checkout, read the receipt."""

import html
from urllib.parse import parse_qs

from tandem.stripe_sandbox.books import Books, Record
from tandem.stripe_sandbox.desk import Reply, Request
from tandem.stripe_sandbox.objects import checkout_sessions, payments
from tandem.stripe_sandbox.objects.fees import written
from tandem.stripe_sandbox.sandbox import Sandbox
from tandem.stripe_sandbox.wire.errors import ResourceMissing, StripeError

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1a1f36}}
h1{{font-size:1.2rem}} .sum{{font-size:2rem;margin:.5rem 0 1.5rem}} .note{{color:#4f566b;font-size:.9rem}}
button{{font:inherit;padding:.6rem 1.4rem;margin:0 .6rem .6rem 0;border:1px solid #3c4257;border-radius:6px;
background:#fff;color:#1a1f36}} button.yes{{background:#4f46e5;border-color:#4f46e5;color:#fff}}
</style></head><body><main><h1>{title}</h1>{content}
<p class="note">Stripe sandbox · play money · 沙盒环境，不会真实扣款</p></main></body></html>"""


def _page(title: str, content: str, status: int = 200) -> Reply:
    text = _PAGE.format(title=html.escape(title), content=content)
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Cache-Control": "no-store",
    }
    return Reply(status, text.encode(), "text/html; charset=utf-8", headers)


def _sum(body: dict[str, object], amount: str = "amount") -> str:
    return f'<p class="sum">{html.escape(written(int(str(body[amount])), str(body["currency"])).upper())}</p>'


class Pages:
    """Answers requests of people: ``/authorize/…``, ``/checkout/…`` and ``/receipts/…``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Reply:
        """A page, a redirect back to the shop, or a page saying what went wrong."""
        steps = request.path.strip("/").split("/")
        try:
            with self._sandbox.work() as books:
                if steps[0] == "receipts" and len(steps) == 2:
                    return self._receipt(books, steps[1])
                if len(steps) == 3 and steps[0] in ("authorize", "checkout"):
                    books.get("account", steps[1])
                    theirs = books.of(steps[1])
                    answer = self._authorize if steps[0] == "authorize" else self._checkout
                    return answer(theirs, steps[2], request)
                raise ResourceMissing("There is no such page.")
        except StripeError as refusal:
            return _page("Sorry · 抱歉", f"<p>{html.escape(refusal.message)}</p>", refusal.status)

    def _authorize(self, books: Books, identifier: str, request: Request) -> Reply:
        intent = books.get("payment_intent", identifier)
        if request.method == "POST":
            payments.answer(books, intent, agreed=_pressed(request) == "authorize")
            return _back(intent.hidden.get("return_url"), intent)
        if intent.body["status"] != "requires_action":
            return _page("Payment · 付款", f"<p>This payment is {html.escape(intent.body['status'])}.</p>")
        buttons = (
            '<form method="post"><button class="yes" name="press" value="authorize">Authorize · 同意</button>'
            '<button name="press" value="decline">Decline · 拒绝</button></form>'
        )
        return _page("Confirm the payment · 确认付款", _sum(intent.body) + buttons)

    def _checkout(self, books: Books, identifier: str, request: Request) -> Reply:
        session = books.get("checkout.session", identifier)
        if session.body["status"] != "open":
            return _page("Checkout · 收银台", f"<p>This session is {html.escape(session.body['status'])}.</p>")
        if request.method == "POST":
            method = _pressed(request)
            known = {"card": "pm_card_visa", "alipay": "alipay", "wechat_pay": "wechat_pay"}
            checkout_sessions.complete(books, session, known.get(method, "pm_card_visa"))
            url = session.body["success_url"].replace("{CHECKOUT_SESSION_ID}", session.id)
            return Reply(303, b"", "text/plain", {"Location": url})
        names = {
            "card": "Pay by card · 银行卡",
            "alipay": "Alipay · 支付宝",
            "wechat_pay": "WeChat Pay · 微信支付",
        }
        buttons = "".join(
            f'<button class="yes" name="press" value="{kind}">{names[kind]}</button>'
            for kind in session.body["payment_method_types"]
        )
        items = "".join(
            f"<li>{html.escape(str(item['description']))} × {item['quantity']}</li>"
            for item in session.hidden["line_items"]
        )
        content = f'<ul>{items}</ul>{_sum(session.body, "amount_total")}<form method="post">{buttons}</form>'
        return _page("Checkout · 收银台", content)

    def _receipt(self, books: Books, identifier: str) -> Reply:
        row = books.work.db.execute(
            "SELECT account FROM object WHERE id = ? AND kind = 'charge'", (identifier,)
        ).fetchone()
        if row is None:
            raise ResourceMissing("There is no such receipt.")
        charge = books.of(row["account"]).get("charge", identifier)
        return _page("Receipt · 收据", _sum(charge.body) + f"<p>{html.escape(charge.id)}</p>")


def _pressed(request: Request) -> str:
    return parse_qs(request.body.decode("utf-8", "replace")).get("press", [""])[0]


def _back(return_url: str | None, intent: Record) -> Reply:
    """Send the payer back to the shop with what Stripe adds to the address."""
    if not return_url:
        return _page("Thank you · 谢谢", f"<p>This payment is {html.escape(intent.body['status'])}.</p>")
    outcome = "failed" if intent.body["last_payment_error"] else "succeeded"
    glue = "&" if "?" in return_url else "?"
    query = (
        f"payment_intent={intent.id}&payment_intent_client_secret={intent.body['client_secret']}"
        f"&redirect_status={outcome}"
    )
    return Reply(303, b"", "text/plain", {"Location": f"{return_url}{glue}{query}"})
