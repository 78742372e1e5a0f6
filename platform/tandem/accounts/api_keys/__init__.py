"""Keys of machines: shown once, bounded in roles and time, revocable."""
