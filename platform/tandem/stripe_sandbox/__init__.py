"""A stateful double of Stripe, spoken to over HTTP by the real ``stripe`` client.

It stands where api.stripe.com would: the platform is pointed at it by a base address and changes not one
line when it is pointed at Stripe. It is a process of its own (``python -m tandem.stripe_sandbox``), knows
nothing of the rest of the house and needs nothing but Python: one SQLite file, one threaded server.

The rooms: ``wire`` reads forms and writes errors, lists and expansions as Stripe does; ``objects`` holds one
file per Stripe resource; ``storage`` and ``books`` keep every account's objects behind its own wall;
``agenda`` does what falls due; ``webhooks`` and ``delivery`` send news out; ``misbehaviour`` breaks things
on purpose and confesses; ``control`` is the demonstrator's hand (``/_sandbox/…``).

Shapes follow Stripe's published API of the version named in ``API_VERSION``, as declared by the resource
classes of stripe-python 16.1.
"""

API_VERSION = "2026-10-28.endive"
"""The API version that stripe-python 16.1 is generated from and sends with each call."""

__all__ = ["API_VERSION"]
