"""All commands, from click's own tree: what describes them reads them here, and keeps no list of its own."""

from collections.abc import Iterator

import click


def contexts(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    """A command and all below it, in the order of the help: `jobsync hooks status`, and click's context."""
    context = click.Context(command, parent, info_name=name.rpartition(" ")[2], **command.context_settings)
    yield name, context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from contexts(found, f"{name} {child}", context)
