"""What the user means: `job.toml` and `jobsync.toml` become frozen Jobs, or faults that say what to write."""
