"""git, played for real: every command that changes a dotfiles work tree, through the hooks as they are installed."""
