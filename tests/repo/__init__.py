"""The git wing against real git, in repositories of its own."""
