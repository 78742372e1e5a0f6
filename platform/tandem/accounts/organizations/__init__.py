"""Organisations of every kind, how they are admitted, and what is still missing before they are."""
