"""What goes over the simulator's socket. Pure bytes.

A request is a length in eight hex digits and a payload; the answer fills the rest of the connection. Payloads begin
with `call` (launchctl's: fields and argv separated by NUL) or `control` (the tests' and the demo's: JSON).
"""

import json
from dataclasses import dataclass
from typing import Any

from jobsync.simulator.calls import Answer, Call
from jobsync.simulator.errors import SimulatorError

SOCKET = "socket"
HEADER = 8
_CALL = b"call"
_CONTROL = b"control"


@dataclass(frozen=True, slots=True)
class Control:
    """A request of whoever holds the simulator in his hands."""

    verb: str
    values: dict[str, Any]


def frame(payload: bytes) -> bytes:
    """A request as it is sent."""
    return b"%08x" % len(payload) + payload


def whole_request(received: bytes) -> bytes | None:
    """The payload once all of it is there, else None. SimulatorError when it begins with no length."""
    if len(received) < HEADER:
        return None
    try:
        end = HEADER + int(received[:HEADER], 16)
    except ValueError:
        raise SimulatorError("a request that begins with no length") from None
    return received[HEADER:end] if len(received) >= end else None


def control_request(verb: str, values: dict[str, Any]) -> bytes:
    """A control request as it is sent."""
    return frame(_CONTROL + b"\0" + json.dumps({"verb": verb, "values": values}).encode())


def control_answer(values: dict[str, Any]) -> bytes:
    """An answer to a control request."""
    return json.dumps(values).encode()


def read_control_answer(received: bytes) -> dict[str, Any]:
    """The values of an answer; SimulatorError when the simulator refused, or ended in the middle."""
    if not received:
        raise SimulatorError("the simulated launchd ended before it answered")
    values: dict[str, Any] = json.loads(received)
    if "error" in values:
        raise SimulatorError(values["error"])
    return values


def _text(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape")


def parse_request(payload: bytes) -> Call | Control:
    """The request in a payload. SimulatorError for one that no client of ours sends."""
    kind, _, rest = payload.partition(b"\0")
    if kind == _CONTROL:
        match json.loads(rest):
            case {"verb": str(verb), "values": dict(values)}:
                return Control(verb, values)
            case _:
                raise SimulatorError("a control request names a verb and its values")
    fields = rest.split(b"\0")
    if kind != _CALL or len(fields) < 4:
        raise SimulatorError("a request that is neither launchctl's nor the simulator's own")
    pid, terminal, remote, directory, *argv = fields
    return Call(
        argv=tuple(_text(word) for word in argv),
        directory=_text(directory),
        pid=int(pid),
        is_terminal=terminal == b"1",
        is_remote=remote == b"1",
    )


def call_answer(answer: Answer) -> bytes:
    """An answer to launchctl: status and length of stdout on a line, stdout, stderr."""
    out, err = (text.encode("utf-8", "surrogateescape") for text in (answer.out, answer.err))
    return b"%d %d\n" % (answer.status, len(out)) + out + err
