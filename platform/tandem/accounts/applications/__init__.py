"""The public applies: a hospital or an employer, and the first person of its staff, in one step."""
