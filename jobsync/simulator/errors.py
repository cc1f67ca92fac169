"""The simulator's own trouble, and launchd's refusals as a value that the verbs put into words."""


class SimulatorError(Exception):
    """The simulator cannot do what its caller asked: a sentence that says why and what to do."""


class Refused(Exception):
    """launchd says no. `code` is launchd's inner error number; what a caller sees of it is the verb's business."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
