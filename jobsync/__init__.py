"""jobsync keeps this machine's scheduled jobs equal to a dotfiles repository."""

__version__ = "0.1.0"
