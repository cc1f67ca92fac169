"""One systemctl call for many units, of which one may be refused.

systemd up to 257 sees to all others then; 262 asks for all jobs at once, refuses all for one, and names that one in
`Failed to enqueue jobs: …` (measured). Nobody shall suffer for another one's fault, so they are asked for without it.
"""

from collections.abc import Callable, Sequence

from jobsync import process

_NONE = "Failed to enqueue jobs"
UNKNOWN_UNIT = 5
"""systemctl: a unit is not there; to a `stop` that is as good."""


def for_all(call: Callable[[Sequence[str]], process.Finished], names: Sequence[str]) -> process.Finished:
    """Call for all names, and again without those that have it refused; what was said of all together.

    The status is the worst: 0, else `UNKNOWN_UNIT`, else any other. Errors: those of `call`.
    """
    answers, left = [call(names)], list(names)
    while answers[-1].status and answers[-1].complaint.startswith(_NONE):
        refused = {*answers[-1].complaint.split()}
        others = [name for name in left if name not in refused]
        if not others or len(others) == len(left):
            break
        left = others
        answers.append(call(left))
    worst = max(answers, key=lambda answer: (answer.status != 0, answer.status != UNKNOWN_UNIT))
    said = b"\n".join(answer.stderr.strip() for answer in answers if answer.status)
    return process.Finished(worst.argv, worst.status, worst.stdout, said)
