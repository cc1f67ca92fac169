"""git: what HEAD holds, what it changed, when a hook may act on it, and how hooks get where git looks for them."""
