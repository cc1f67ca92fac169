"""Tells a secret from an ordinary value of `[env]`. Pure; what it says never repeats the value.

It errs on the side of silence: a definition that is refused for nothing teaches people to work around the check.
"""

import re

ENV_FILE = "~/.config/jobsync/env/{job}.env"
"""As people know it: beside `config.toml`, wherever that is."""

# Compiled by whoever has variables: 1 ms that other jobs need not spend.
_SHAPES = {
    "an AWS access key": r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "a GitHub token": r"(?<![A-Za-z0-9])(?:gh[opsru]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{20,})",
    "a GitLab token": r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,}",
    # Sixteen characters in one piece: names in kebab-case have none.
    "an API key": r"(?<![A-Za-z0-9_-])(?:sk-(?:[A-Za-z0-9_]+-)*[A-Za-z0-9_]{16,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,})",
    "a Slack token": r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Google API key": r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}",
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY",
    "a signed token (JWT)": r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    # Of the scheme its end alone: looking for its beginning takes minutes in a long value without one.
    "a URL with a password": r"[A-Za-z0-9+.-]://[^/\s:@]*:[^/\s@]+@",
}

# The word ends a part of the name: GITHUB_TOKEN and PGPASSWORD, but not MAX_TOKENS or TOKENIZERS_PARALLELISM.
_TELLING = r"(?i)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY)(?=_|$)"
# These say where a secret is, or something about it: RESTIC_PASSWORD_COMMAND, TOKEN_FILE.
_ABOUT = r"(?i)_(?:BUDGET|CMD|COMMAND|DIR|ENV|FILE|HELPER|LENGTH|LIFETIME|LIMIT|NAME|PATH|TIMEOUT|TTL|TYPE|URI|URL)$"
_PLACE = r"(?s)(?:/|~/|\.{1,2}/)\S*|[A-Za-z][A-Za-z0-9+.-]*://\S*|\$.*"
_WORDS = frozenset({"disabled", "enabled", "false", "never", "none", "null", "optional", "required", "true"})
_SHORTEST = 4


def _is_trivial(value: str) -> bool:
    return len(value) < _SHORTEST or value.lower() in _WORDS or re.fullmatch(_PLACE, value) is not None


def known_secret(text: str) -> str | None:
    """What a text holds that has the shape of a known kind of secret, such as `a GitHub token`; None: nothing."""
    return next((what for what, shape in _SHAPES.items() if re.search(shape, text)), None)


def _why(name: str, value: str) -> str | None:
    if what := known_secret(value):
        return f"holds what looks like {what}"
    if re.search(_TELLING, name) and not re.search(_ABOUT, name) and not _is_trivial(value):
        return "looks like a secret, by its name"
    return None


def secret_fault(name: str, value: str, job: str) -> str | None:
    """Why a variable of `[env]` is taken for a secret and where to put it instead; None where it is not."""
    why = _why(name, value)
    if why is None:
        return None
    return f"{why}, and git keeps what was ever committed; put {name}=… into {ENV_FILE.format(job=job)} (mode 0600)"
