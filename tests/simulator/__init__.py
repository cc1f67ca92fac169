"""The simulator held against what is known of launchd."""
