"""People who sign in: their one row on the platform, their password, and the bound on guessing it."""
