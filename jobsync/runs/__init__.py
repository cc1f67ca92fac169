"""What happens at job time and what is left of it: launchers, run records, logs. No Python runs at job time."""
