"""A reader of XML property lists that knows nothing of plistlib and forgives nothing: launchd's own is not plistlib."""

import re
import xml.etree.ElementTree as ET

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
)
Value = str | int | bool | list["Value"] | dict[str, "Value"]


class NotStrict(ValueError):
    """Something that another reader might take in another way."""


def _bare(element: ET.Element) -> None:
    """No attributes, and no text between the children but white space."""
    texts = [element.text, *(child.tail for child in element)]
    if element.attrib or any((text or "").strip() for text in texts):
        raise NotStrict(f"<{element.tag}> holds more than its children")


def _leaf(element: ET.Element) -> str:
    if element.attrib or len(element):
        raise NotStrict(f"<{element.tag}> holds more than text")
    return element.text or ""


def _dict(element: ET.Element) -> dict[str, Value]:
    _bare(element)
    children = list(element)
    keys = [_leaf(child) for child in children[::2] if child.tag == "key"]
    if len(children) != 2 * len(keys) or len(set(keys)) != len(keys) or keys != sorted(keys):
        raise NotStrict(f"keys of a dict: {keys}")
    return dict(zip(keys, map(_value, children[1::2]), strict=True))


def _integer(text: str) -> int:
    if not re.fullmatch(r"0|-?[1-9][0-9]*", text):
        raise NotStrict(f"an integer: {text!r}")
    return int(text)


def _value(element: ET.Element) -> Value:
    match element.tag:
        case "dict":
            return _dict(element)
        case "array":
            _bare(element)
            return [_value(child) for child in element]
        case "string":
            return _leaf(element)
        case "integer":
            return _integer(_leaf(element))
        case "true" | "false":
            if _leaf(element):
                raise NotStrict("a truth value with text")
            return element.tag == "true"
        case other:
            raise NotStrict(f"<{other}>")


def loads(content: bytes) -> dict[str, Value]:
    """The dict in a property list; `NotStrict` for all that a careful writer would not write."""
    text = content.decode("utf-8")
    if not text.startswith(_HEAD) or not text.endswith("</plist>\n") or "\r" in text or "<![CDATA[" in text:
        raise NotStrict("head, end or line ends")
    root = ET.fromstring(text)
    if root.tag != "plist" or root.attrib != {"version": "1.0"} or len(root) != 1:
        raise NotStrict("the outermost element")
    if (root.text or "").strip() or (root[0].tail or "").strip():
        raise NotStrict("text beside the dict")
    value = _value(root[0])
    if not isinstance(value, dict):
        raise NotStrict("no dict")
    return value
