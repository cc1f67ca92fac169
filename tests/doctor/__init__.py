"""`jobsync doctor`."""
