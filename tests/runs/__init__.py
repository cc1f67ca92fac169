"""What happens at job time."""
