"""The whole tool, typed as a user types it."""
