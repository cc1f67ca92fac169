"""Definitions: what users write becomes Jobs, or faults that say what to write."""
