"""One file per Stripe resource: the shape of the object, what may be asked of it, and its routes."""
