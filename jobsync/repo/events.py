"""Which git event woke us up, and with which arguments: from the command line, or from what pre-commit left of them.

Imports nothing: `jobsync-hook` runs it at every event.
"""

TYPE_CHECKING = False  # `typing` costs more than all that is done here
if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = ("post-merge", "post-checkout", "post-rewrite", "post-commit", "post-applypatch")
"""The events that bring new content to HEAD and the work tree, named as git names their hooks."""

AUTO = "auto"
"""Instead of an event: infer it from git's arguments, or from the variables of pre-commit."""

NULL_ID = "0" * 40


def _inferred(arguments: tuple[str, ...], environ: "Mapping[str, str]") -> str:
    if len(arguments) == 3:
        return "post-checkout"
    if arguments:
        return "post-merge" if arguments[0].isdecimal() else "post-rewrite"
    if "PRE_COMMIT_CHECKOUT_TYPE" in environ:
        return "post-checkout"
    if "PRE_COMMIT_REWRITE_COMMAND" in environ:
        return "post-rewrite"
    if not any(name.startswith("PRE_COMMIT") for name in environ):
        return "post-commit"
    # post-merge under prek (without --squash) and stages that cannot be told apart leave no variable at all.
    # A merge that is no squash asks for nothing special, so it is the right guess for all of them.
    return "post-merge"


def _arguments(event: str, environ: "Mapping[str, str]") -> tuple[str, ...]:
    match event:
        case "post-checkout":
            return (
                environ.get("PRE_COMMIT_FROM_REF", NULL_ID),
                environ.get("PRE_COMMIT_TO_REF", NULL_ID),
                environ.get("PRE_COMMIT_CHECKOUT_TYPE", "1"),
            )
        case "post-rewrite":
            # Without the variable somebody runs the stage by hand: then nothing is being rewritten any more.
            return (environ.get("PRE_COMMIT_REWRITE_COMMAND", "rebase"),)
        case "post-merge":
            # pre-commit says 0 or 1; prek says 1 or nothing, under another name.
            squash = environ.get("PRE_COMMIT_IS_SQUASH_MERGE", environ.get("PRE_COMMIT_SQUASH_MERGE", "0"))
            return (squash,)
    return ()


def event_from_environment(
    name: str, arguments: tuple[str, ...], environ: "Mapping[str, str]"
) -> tuple[str, tuple[str, ...]]:
    """The event and its arguments as git gave them to the hook.

    `name` is an event, or `auto`. Arguments that are given win; pre-commit and prek pass none, only `PRE_COMMIT_*`
    variables. An unknown name comes back as it is: whether that is an error is for the caller to say.
    """
    event = _inferred(arguments, environ) if name == AUTO else name
    return event, arguments or _arguments(event, environ)
