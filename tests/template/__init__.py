"""The template repository does what its README says: its libraries and jobs run for real."""
