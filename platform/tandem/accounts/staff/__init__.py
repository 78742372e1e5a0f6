"""Who works for an organisation, in which roles, and how they came and went."""
