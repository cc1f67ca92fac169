"""The launcher's parts, as sh. `launcher.py` puts together those that a job uses; `@name@` is filled in there.

Facts that bind these texts:

* dash has no job control without a terminal, so all processes of a run share the launcher's group; macOS has neither
  `setsid` nor `timeout`. Under a scheduler the launcher leads that group.
* A trap interrupts `wait`, which then answers above 128 though the child still runs. Asked again after the signal, 127
  says that it gave the child's own status the first time.
* bash, 3.2 and 5.2 alike, may lose a child that ends in the very moment of a signal: its `wait` leaves by longjmp, with
  the child reaped and nothing noted. It takes that child for a running one, and waits for it as long as there is any
  other. A signal to the whole group, of which both die or wake, brings it in one of four tries.
* bash 3.2 hears a signal that comes in the microseconds between two commands, the second of which is `wait`, when that
  wait is over. Nothing in sh closes that gap; a scheduler's KILL, which follows, does.
* The child of `&` ignores INT and QUIT. What is ignored stays ignored in every program that is started.
* A signal that reaches the child before it has dropped our traps is lost: the `.stop` file, which is there before the
  signal is sent, tells it.
* `read` fails at a last line without a newline though it did read it. A redirection that fails ends the shell with
  `:` and not with `true`.
* `date +%s`, `+%z`, `head -c` and `sleep 0.5` are in every macOS and Linux (busybox included) of the last ten years;
  `printf` writes a line in one write(2), which O_APPEND makes whole.
"""

from jobsync.runs.parts import command, conditions, end, expect, limits, logs, retry, start

__all__ = ["command", "conditions", "end", "expect", "limits", "logs", "retry", "start"]
