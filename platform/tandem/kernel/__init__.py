"""What every slice may use. The kernel knows no slice; it grows only by a decision record."""
