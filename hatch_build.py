"""Puts the man page and the shells' completions into the wheel, where pipx and packagers look for them."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLACES = {
    "bash": "share/bash-completion/completions/jobsync",
    "zsh": "share/zsh/site-functions/_jobsync",
    "fish": "share/fish/vendor_completions.d/jobsync.fish",
}


class SharedData(BuildHookInterface):  # type: ignore[type-arg, misc, unused-ignore]  # hatchling is there at build time only
    """Made at build time from click's own tree, so that they are never those of another version."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling."""
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, self.root)
        sys.dont_write_bytecode = True
        from jobsync.cli import shells
        from jobsync.cli.groups import cli

        texts = {place: shells.SCRIPTS[shell](cli) for shell, place in _PLACES.items()}
        texts["share/man/man1/jobsync.1"] = shells.man(cli)
        made = Path(self.directory, ".shared")
        made.mkdir(parents=True, exist_ok=True)
        for place, text in texts.items():
            file = made / place.replace("/", "-")
            file.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(file)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """See hatchling: nothing but the wheel stays."""
        del version, build_data, artifact_path
        made = Path(self.directory, ".shared")
        for file in made.glob("*") if made.is_dir() else ():
            file.unlink()
        if made.is_dir():
            made.rmdir()
