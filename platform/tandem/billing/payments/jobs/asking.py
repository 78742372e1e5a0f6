"""Asking the provider (or a programme) for what our rows wish, in phases."""

from typing import Final
from uuid import UUID

from tandem.accounts import Organization, organization_or_none, own_organization
from tandem.billing.payments import commands, queries
from tandem.billing.payments.commands import Wish
from tandem.billing.payments.jobs.benefits import consume_unit, release_unit, reserve_unit
from tandem.billing.stripe_gateway import Refused, gateway, is_live, return_address
from tandem.kernel.errors import Problem
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import tenant_id, transaction

# ISO 3166-1 calls these provinces of GB/T 2260 by codes of their own, and so does the provider; all others are CN.
COUNTRY_OF_PROVINCE: Final = {"71": "TW", "81": "HK", "82": "MO"}


@job(queue="fast", timeout_seconds=90, outside=True)
def take_payment(payment_id: UUID) -> None:
    """Ask for the money (or the unit) that a payment wishes for."""
    with transaction():
        is_benefit = queries.payment(payment_id).method == "entitlement"
    account = None if is_benefit else ensure_account()
    with transaction():
        wish = commands.begin_payment(payment_id, account)
    if wish is None:
        _release_unwanted_unit(payment_id)
    elif account is None:
        _take_unit(wish)
    else:
        _take_money(wish, account)


@job(queue="fast", timeout_seconds=90, outside=True)
def give_up_payment(payment_id: UUID) -> None:
    """Nobody waits for a payment: cancel its intent, unless it has succeeded, which is folded instead."""
    with transaction():
        payment = queries.payment_for_update(payment_id)
        if payment is None or payment.status == "succeeded":
            return
        intent_id, account = payment.provider_intent_id, payment.provider_account_id
        programme_id, entitlement_id = payment.programme_id, payment.entitlement_id
        if payment.asked_at is None or entitlement_id is not None:
            commands.fail_payment(payment_id, "given-up", status="cancelled")
    if programme_id is not None and entitlement_id is not None:
        release_unit(programme_id, entitlement_id, payment_id=payment_id)
    if intent_id is None or account is None:
        # Asked, and the answer is unknown: the sweeper looks it up.
        return
    try:
        told = gateway().cancel_intent(account, intent_id)
    except Refused:
        told = gateway().intent(account, intent_id)
    with transaction():
        commands.fold_intent(told)


@job(queue="fast", timeout_seconds=90, outside=True)
def send_refund(refund_id: UUID) -> None:
    """Ask for the money (or the unit) that a refund promises."""
    with transaction():
        wish = commands.begin_refund(refund_id)
    if wish is None:
        return
    if wish.programme_id is not None and wish.entitlement_id is not None:
        release_unit(wish.programme_id, wish.entitlement_id, payment_id=wish.payment_id)
        with transaction():
            commands.succeed_benefit_refund(refund_id)
        return
    try:
        told = gateway().refund(
            wish.account_id or "", wish.intent_id or "", key=wish.refund_id, amount_minor=wish.amount_minor
        )
    except Refused as no:
        with transaction():
            commands.fail_refund(refund_id, no.code)
        return
    with transaction():
        commands.fold_refund(told)


@job(queue="fast", timeout_seconds=60, outside=True)
def consume_benefit(payment_id: UUID) -> None:
    """What a benefit paid for was delivered: its unit is used."""
    with transaction():
        payment = queries.payment(payment_id)
        programme_id, entitlement_id, at = payment.programme_id, payment.entitlement_id, payment.completed_at
    if programme_id is not None and entitlement_id is not None and at is not None:
        consume_unit(programme_id, entitlement_id, payment_id=payment_id, at=at)


@job(queue="fast", timeout_seconds=60, outside=True)
def open_provider_account(hospital_id: UUID) -> None:
    """Open the scope's account at the provider, once. `hospital_id` is the scope's own; events carry it."""
    if hospital_id == tenant_id():
        ensure_account()


@job(queue="fast", timeout_seconds=60, outside=True)
def open_account_of_live_hospital(organization_id: UUID) -> None:
    """A hospital went live: it is to be paid. Other kinds of organisation are not paid by patients."""
    with transaction():
        is_hospital = own_organization().kind == "hospital"
    if is_hospital and organization_id == tenant_id():
        ensure_account()


def ensure_account() -> str:
    """The scope's account at the provider; opened when there is none. Raises Refused when the provider will not."""
    with transaction():
        account = queries.account_of_hospital(is_live())
    if account is not None:
        return account
    with transaction():
        country = _country_of(organization_or_none())
    opened = gateway().open_account(key=tenant_id(), country=country)
    with transaction():
        commands.register_account(opened, is_live=is_live())
        return queries.account_of_hospital(is_live()) or opened


def _country_of(hospital: Organization | None) -> str:
    """Where the hospital is, by its province. A provider that opens no accounts there says so when asked."""
    province = (hospital.province_code or "") if hospital is not None else ""
    return COUNTRY_OF_PROVINCE.get(province[:2], "CN")


def _release_unwanted_unit(payment_id: UUID) -> None:
    """A worker may have been killed after it reserved a unit for a payment that was given up meanwhile."""
    with transaction():
        payment = queries.payment(payment_id)
        programme_id, entitlement_id = payment.programme_id, payment.entitlement_id
        is_over = payment.status in {"failed", "cancelled"}
    if is_over and programme_id is not None and entitlement_id is not None:
        release_unit(programme_id, entitlement_id, payment_id=payment_id)


def _take_money(wish: Wish, account: str) -> None:
    try:
        told = gateway().pay(
            account,
            key=wish.payment_id,
            amount_minor=wish.amount_minor,
            currency=wish.currency,
            method=wish.method,
            payment_method=wish.payment_method,
            return_url=wish.return_url or return_address(),
        )
    except Refused as no:
        with transaction():
            if no.intent is not None:
                commands.fold_intent(no.intent)
            commands.fail_payment(wish.payment_id, no.code)
        return
    with transaction():
        commands.fold_intent(told)


def _take_unit(wish: Wish) -> None:
    programme_id, entitlement_id = wish.programme_id, wish.entitlement_id
    if programme_id is None or entitlement_id is None:
        raise ValueError(f"payment {wish.payment_id} names no benefit")
    try:
        reserve_unit(programme_id, entitlement_id, payment_id=wish.payment_id, person_id=wish.payer_person_id)
    except Problem as no:
        with transaction():
            commands.fail_payment(wish.payment_id, no.slug)
        return
    with transaction():
        is_wanted = commands.succeed_by_benefit(wish.payment_id)
    if not is_wanted:
        release_unit(programme_id, entitlement_id, payment_id=wish.payment_id)
