"""How Stripe speaks over HTTP: nested forms in, JSON objects, lists and errors out."""
