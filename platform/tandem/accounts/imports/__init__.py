"""Hospitals from a public register, by the thousand: read strictly, reported by row, written set by set."""
