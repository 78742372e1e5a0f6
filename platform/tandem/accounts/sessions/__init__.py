"""Signing in and out, for every audience; a patient's sign-up; the second factor."""
