"""What a machine can run jobs with."""
