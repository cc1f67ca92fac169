"""Campaigns: random sequences, kills and faults, against the promises."""
