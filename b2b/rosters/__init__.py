"""Who works for an employer, as HR uploads it; and how that becomes units in a programme HR cannot look into. 花名册"""

from b2b.rosters.queries import active_heads

__all__ = ["active_heads"]
