"""What every scheduler must do alike: one suite, played on launchd (simulated) and on systemd (real)."""
