"""Renders the launcher: the small POSIX sh file that the scheduler runs for a job.

Pure. No Python runs at job time: a broken Python must not stop anyone's jobs. The launcher keeps one log for each
run, records start and end, and passes on the command's own status. A daemon runs under it too, since its log needs
an owner.
"""

import shlex
import string

from jobsync.definitions.fields import SHELLS_OWN
from jobsync.definitions.job import Argv, Command, Job, Line, Script
from jobsync.paths import Paths

KEPT_LOGS = 30
"""Logs that a launcher leaves of a job, the newest; older ones go when a run starts."""

NOT_STARTED = 78
"""Status of a run whose directory, log or env file could not be had: sysexits' EX_CONFIG, as launchd itself says it."""

# Facts that bind this text: dash has no job control without a terminal; a trap interrupts `wait`, which then answers
# above 128 though the child still runs; the child of `&` ignores INT and QUIT; `read` fails at a last line without a
# newline though it did read it; a redirection that fails ends the shell with `:` and not with `true`; `date +%s` is in
# every date(1) that macOS and Linux have had for twenty years. After a signal, `wait` is asked again: 127 then says
# that it gave the child's own status the first time. A signal that reaches the child before it has dropped our traps is
# lost: the `.stop` file, which is there before the signal is sent, tells it.
# The env file is data: its lines become words of one `export`, after the last of them is read, so that no name in it
# can change a variable of ours on the way, and nothing in it is ever evaluated. In what `ls -l` prints, `+` behind the
# mode is a list of further people who may read the file; `.` and `@` (SELinux, macOS) say nothing about that. A range
# such as A-Z holds other letters in some locales, so names are compared with each letter.
_LETTERS = f"{string.ascii_letters}{string.digits}_"
_TEMPLATE = """\
#!/bin/sh
# {label}{description}
# Written by jobsync from {source}. Change that file: the next sync puts this one back.
set -u
runs={runs}
logs={logs}
token={token}
pause={pause}
hold={hold}
env={env}
mask=$(umask)
umask 077
now=$(date -u '+%s %Y%m%dT%H%M%SZ')
run=${{now#* }}-$$
now=${{now% *}}

record() {{ printf '%s\\n' "$*" >>"$runs"; }}
skip() {{ record "skip $run $now $1"; exit 0; }}
second() {{ until=''; read -r until <"$1" || :; case $until in '' | *[!0-9]*) until=0 ;; esac; }}
boot() {{ cat /proc/sys/kernel/random/boot_id 2>/dev/null || /usr/sbin/sysctl -n kern.bootsessionuuid; }}
refuse() {{ printf '%s\\n' "jobsync: not started: $env: $1"; exit {not_started}; }}

[ -d "${{runs%/*}}" ] || mkdir -p -- "${{runs%/*}}"
if [ -f "$token" ]; then
  loaded='' until=0
  read -r loaded until <"$token" || :
  rm -f -- "$token"
  if [ "$now" -lt "$until" ] 2>/dev/null && [ "$loaded" = "$(boot)" ]; then skip 'loaded by sync'; fi
fi
if [ -f "$pause" ]; then
  second "$pause"
  if [ "$until" -eq 0 ] || [ "$now" -lt "$until" ]; then skip paused; fi
fi
if [ -f "$hold" ]; then
  second "$hold"
  if [ "$now" -lt "$until" ]; then skip held; fi
fi

[ -d "$logs" ] || mkdir -p -- "$logs"
set -- "$logs"/*.log
while [ $# -ge {kept} ]; do rm -f -- "$1" "$1.stop"; shift; done
log=$logs/$run.log
record "start $run $now $$"
if ! true >>"$log"; then record "end $run $now {not_started} log"; exit {not_started}; fi

child='' stopped=''
stop() {{ stopped=$1; [ -z "$child" ] || {{ true >"$log.stop"; kill -TERM "$child" 2>/dev/null; }} }}
trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop HUP' HUP
(
  trap - TERM INT HUP
  [ ! -e "$log.stop" ] || exit 143
  export JOBSYNC_JOB={job} JOBSYNC_LABEL={label_quoted} JOBSYNC_DIR={job_directory} JOBSYNC_RUN="$run"
  set --
  if [ -e "$env" ] || [ -L "$env" ]; then
    facts=$(ls -ldnL -- "$env")
    case "$(printf '%s\\n' "$facts" | awk '{{ print $1, $3; exit }}')" in
      -r[w-]-------" $(id -u)" | -r[w-]-------[.@]" $(id -u)") ;;
      *) refuse 'must be a file of yours with mode 0600: chmod 600' ;;
    esac
    number=0 return=$(printf '\\r')
    while IFS= read -r line || [ -n "$line" ]; do
      number=$((number + 1))
      line=${{line#"${{line%%[![:blank:]]*}}"}}
      case $line in '' | '#'*) continue ;; export[[:blank:]]*) line=${{line#export?}} ;; esac
      line=${{line#"${{line%%[![:blank:]]*}}"}}
      name=${{line%%=*}} value=${{line#*=}}
      case $line in
        *"$return") refuse "line $number has a Windows line end" ;;
        [0123456789=]*) refuse "line $number is not NAME=VALUE" ;;
        "${{line%%[!{letters}]*}}="*) ;;
        *) refuse "line $number is not NAME=VALUE" ;;
      esac
      case $name in
        PATH | JOBSYNC_* | {shells_own})
          refuse "line $number: $name cannot be set here" ;;
      esac
      case $value in '"'*'"' | "'"*"'") value=${{value#?}} value=${{value%?}} ;; esac
      set -- "$@" "$name=$value"
    done <"$env" || refuse 'cannot be read'
  fi
  umask "$mask"
{environment}  while [ $# -gt 0 ]; do export "${{1?}}" || exit {not_started}; shift; done
  cd {directory} || exit {not_started}
  exec {command}
) <{stdin} >>"$log" 2>&1 &
child=$!
[ -z "$stopped" ] || stop "$stopped"
wait "$child"
status=$?
while [ -n "$stopped" ]; do
  stopped=''
  wait "$child" 2>/dev/null
  again=$?
  [ $again -eq 127 ] || status=$again
done
[ ! -e "$log.stop" ] || rm -f -- "$log.stop"
record "end $run $(date -u +%s) $status"
exit "$status"
"""


def _command(command: Command) -> str:
    match command:
        case Line(text):
            return f"/bin/sh -eu -c {shlex.quote(text)}"
        case Argv(arguments):
            return shlex.join(arguments)
        case Script(path):
            return shlex.quote(path)


def _environment(job: Job) -> str:
    return "".join(f"  export {name}={shlex.quote(value)}\n" for name, value in job.environment)


def _comment(text: str) -> str:
    """Text that stays inside one comment line."""
    return " ".join(text.split())


def render(job: Job, label: str, source: str, paths: Paths) -> bytes:
    """The launcher's bytes. `source` is the repository-relative path of the definition, for people."""
    text = _TEMPLATE.format(
        label=label,
        label_quoted=shlex.quote(label),
        description=f": {_comment(job.description)}" if job.description else "",
        source=source,
        job=shlex.quote(job.name),
        runs=shlex.quote(str(paths.runs(job.name))),
        logs=shlex.quote(str(paths.job_logs(label))),
        token=shlex.quote(str(paths.token(job.name))),
        pause=shlex.quote(str(paths.pause(job.name))),
        hold=shlex.quote(str(paths.hold(job.name))),
        env=shlex.quote(str(paths.env(job.name))),
        letters=_LETTERS,
        shells_own=" | ".join(sorted(SHELLS_OWN)),
        kept=KEPT_LOGS,
        not_started=NOT_STARTED,
        environment=_environment(job),
        job_directory=shlex.quote(job.home_directory),
        directory=shlex.quote(job.directory),
        command=_command(job.command),
        stdin=shlex.quote(str(job.launchd.get("StandardInPath", "/dev/null"))),
    )
    return text.encode("utf-8", "surrogateescape")
