"""The documentation is held to the code: what a page says is compared with it, what a page types is typed."""
