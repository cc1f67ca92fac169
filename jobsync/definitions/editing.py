"""Changes one key in the text of a job.toml and leaves the rest as its author wrote it: comments, order, style.

Pure: text in, text out. It knows TOML and no job: what a key means, and whether the result is a definition, is for
whoever calls to find out.
"""

import re
from collections import Counter

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Comment, Item, Key, Table, Trivia, Whitespace
from tomlkit.toml_document import TOMLDocument

from jobsync.errors import JobsyncError

Value = str | bool | int | list[str] | dict[str, int] | list[object] | dict[str, object]
Body = list[tuple[Key | None, Item]]

# Strings first: a `#` inside one is no comment.
_TOKENS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|(?P<comment>#[^\n]*)', re.DOTALL
)


def comments(text: str) -> list[str]:
    """Every comment of a TOML text, in order, without what follows it on the line."""
    found = (match["comment"] for match in _TOKENS.finditer(text))
    return [comment.rstrip() for comment in found if comment]


def _lost(before: str, after: str) -> list[str]:
    missing = Counter(comments(before)) - Counter(comments(after))
    return list(dict.fromkeys(comment for comment in comments(before) if comment in missing))


def _body_of(document: TOMLDocument, table: str) -> Body | None:
    """The lines of a table with a header of its own ('' is the top level); None for one that is written otherwise."""
    if not table:
        return document.body
    found = [item for key, item in document.body if key is not None and key.key == table and not key.is_dotted()]
    if len(found) != 1 or not isinstance(found[0], Table) or found[0].is_super_table():
        return None
    return found[0].value.body if isinstance(found[0].value, Container) else None


def _place_of(body: Body, key: str) -> int | None:
    numbers = (number for number, (one, _) in enumerate(body) if one is not None and one.key == key)
    return next((number for number in numbers if not isinstance(body[number][1], Table)), None)


def _is_below_header(key: Key | None, item: Item) -> bool:
    return isinstance(item, Table | AoT) and key is not None and not key.is_dotted()


def _end_of_keys(body: Body) -> int:
    """Behind the last key, where a new one goes: comments that follow it are about what comes next."""
    first = next((number for number, (key, item) in enumerate(body) if _is_below_header(key, item)), len(body))
    last = [number for number, (key, _) in enumerate(body[:first]) if key is not None]
    return last[-1] + 1 if last else first


def _item(value: Value) -> Item:
    """The value as TOML that stands behind `=`: a table with a header of its own would take its place elsewhere."""
    if not isinstance(value, dict):
        return tomlkit.item(value)
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _resembling(old: Item | None, value: Value) -> Item:
    """The value as TOML, in the style of what it replaces."""
    if not (isinstance(old, Array) and isinstance(value, list)):
        return _item(value)
    array = tomlkit.parse(f"a = {old.as_string()}")["a"]
    kept = [text for text in array if text in value]
    if not isinstance(array, Array) or kept != [text for text in value if text in kept] or not kept:
        return _item(value)
    for number in reversed(range(len(array))):
        if array[number] not in value:
            del array[number]
    for number, text in enumerate(value):
        if text not in kept:
            array.insert(number, text)
    return array


def _dressed(item: Item, old: Item | None) -> Item:
    """With the indentation and the comment of the line that it takes."""
    if old is None:
        item.trivia.trail = "\n"
        return item
    item.trivia.indent = old.trivia.indent
    item.trivia.comment_ws = old.trivia.comment_ws
    item.trivia.comment = old.trivia.comment
    item.trivia.trail = old.trivia.trail
    return item


def _with_lost(document: TOMLDocument, before: str, body: Body, number: int) -> str:
    """The document; comments that a change took with it stand above the place of the change."""
    gone = _lost(before, document.as_string())
    body[number:number] = [(None, Comment(Trivia(comment=comment, trail="\n"))) for comment in gone]
    return document.as_string()


def _append_table(text: str, table: str, key: str, value: Value) -> str:
    line = tomlkit.document()
    line[key] = _item(value)
    gap = "" if not text.strip() else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[{table}]\n{line.as_string()}"


def _through_mapping(text: str, table: str, key: str, value: Value | None) -> str:
    """For tables that are written inline, dotted or in parts: as tomlkit does it."""
    document = tomlkit.parse(text)
    found = document[table]
    try:
        if value is None:
            del found[key]
        else:
            found[key] = value
        changed = document.as_string()
    except (TOMLKitError, TypeError, ValueError) as error:
        raise JobsyncError(f"[{table}] is written in a way that only you can edit ({type(error).__name__})") from None
    return changed + "".join(f"{comment}\n" for comment in _lost(text, changed))


def _is_new(document: TOMLDocument, table: str, key: str) -> bool:
    return key not in (document[table] if table else document)


def put(text: str, table: str, key: str, value: Value, *, instead_of: str | None = None) -> str:
    """The text with one key of a table ('' is the top level) set; `instead_of` names a key whose line it takes.

    `JobsyncError` where the table is written in a way that cannot be edited without rewriting it.
    """
    document = tomlkit.parse(text)
    if table and table not in document:
        return _append_table(text, table, key, value)
    if text and not text.endswith("\n") and _is_new(document, table, instead_of or key):
        return put(f"{text}\n", table, key, value, instead_of=instead_of)
    body = _body_of(document, table)
    if body is None:
        changed = _through_mapping(text, table, key, value)
        return changed if instead_of is None else _through_mapping(changed, table, instead_of, None)
    number = _place_of(body, instead_of or key)
    if number is None:
        is_table = any(one is not None and one.key == key for one, _ in body)
        return _through_mapping(text, table, key, value) if is_table else _inserted(document, body, key, value)
    old_key, old = body[number]
    item = _dressed(_resembling(old, value), old)
    body[number] = (tomlkit.key(key) if instead_of else old_key, item)
    return _with_lost(document, text, body, number)


def _inserted(document: TOMLDocument, body: Body, key: str, value: Value) -> str:
    number = _end_of_keys(body)
    added: Body = [(tomlkit.key(key), _dressed(_item(value), None))]
    if number < len(body) and _is_below_header(*body[number]):
        added.append((None, Whitespace("\n")))
    body[number:number] = added
    return document.as_string()


def drop(text: str, table: str, key: str) -> str:
    """The text without one key; a table that holds no other key goes with it. Their comments stay.

    `JobsyncError` as `put`.
    """
    document = tomlkit.parse(text)
    body = _body_of(document, table)
    if body is None:
        return _through_mapping(text, table, key, None)
    if table and [one.key for one, _ in body if one is not None] == [key]:
        return drop_table(text, table)
    number = _place_of(body, key)
    if number is None:
        return _through_mapping(text, table, key, None)
    del body[number]
    return _with_lost(document, text, body, number)


def _loose(body: Body) -> Body:
    """The comments of a table that is taken out, with the empty lines around them."""
    loose: Body = [(None, item) for key, item in body if key is None]
    return loose if any(isinstance(item, Comment) for _, item in loose) else []


def drop_table(text: str, table: str) -> str:
    """The text without a table; comments in it stay. `JobsyncError` as `put`."""
    document = tomlkit.parse(text)
    body = _body_of(document, table)
    number = next((number for number, (key, _) in enumerate(document.body) if key and key.key == table), None)
    if number is None or (body is None and isinstance(document[table], Table)):
        raise JobsyncError(f"[{table}] is written in a way that only you can edit")
    document.body[number : number + 1] = _loose(body or [])
    changed = _with_lost(document, text, document.body, number)
    return changed if number < len(document.body) else changed.rstrip() + "\n"


def lines_like(before: str, after: str) -> str:
    """`after` with the line ends of `before`, where that has Windows' throughout."""
    ends = Counter(re.findall(r"\r?\n", before))
    return re.sub(r"(?<!\r)\n", "\r\n", after) if ends["\r\n"] and not ends["\n"] else after
