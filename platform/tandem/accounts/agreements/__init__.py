"""What operator and hospital have agreed: versions of the fee rules, dated, and immutable once proposed."""
