"""The harness that measures speed, and every benchmark in its short form."""
