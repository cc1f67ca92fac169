"""The heart's tests: pure tables of plans, and plans carried out against the simulator."""
