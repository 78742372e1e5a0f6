"""The ten passes (money.md 2.9), as comparisons and told findings."""
