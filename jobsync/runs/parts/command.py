"""The command: its environment and env file, its start, its end, and signals that come meanwhile. As sh."""

STATE = """\
child='' stopped='' woken='' reason='' keeper='' attempt=1 status=0
"""

STOP = """\
stop() { stopped=$1 woken=1; [ -z "$child" ] || { true >"$log.stop"; kill -TERM "$child" 2>/dev/null; }; }
listen() {
  trap 'stop TERM' TERM
  trap 'stop INT' INT
  trap 'stop HUP' HUP
}
listen
"""

GIVEN = """\
refuse() { printf '%s\\n' "jobsync: not started: $env: $1"; exit @not_started@; }
# What the definition gives the command, and the command of [notify].
defined() {
  umask "$mask"
  PATH=$job_path
@environment@}
# The same and what the env file gives, which is read anew at each start.
given() {
  set --
  if [ -e "$env" ] || [ -L "$env" ]; then
    facts=$(ls -ldnL -- "$env")
    case "$(printf '%s\\n' "$facts" | awk '{ print $1, $3; exit }')" in
      -r[w-]-------" $(id -u)" | -r[w-]-------[.@]" $(id -u)") ;;
      *) refuse 'must be a file of yours with mode 0600: chmod 600' ;;
    esac
    number=0 return=$(printf '\\r')
    while IFS= read -r line || [ -n "$line" ]; do
      number=$((number + 1))
      line=${line#"${line%%[![:blank:]]*}"}
      case $line in '' | '#'*) continue ;; export[[:blank:]]*) line=${line#export?} ;; esac
      line=${line#"${line%%[![:blank:]]*}"}
      name=${line%%=*} value=${line#*=}
      case $line in
        *"$return") refuse "line $number has a Windows line end" ;;
        [0123456789=]*) refuse "line $number is not NAME=VALUE" ;;
        "${line%%[!@letters@]*}="*) ;;
        *) refuse "line $number is not NAME=VALUE" ;;
      esac
      case $name in
        PATH | JOBSYNC_* | @shells_own@)
          refuse "line $number: $name cannot be set here" ;;
      esac
      case $value in '"'*'"' | "'"*"'") value=${value#?} value=${value%?} ;; esac
      set -- "$@" "$name=$value"
    done <"$env" || refuse 'cannot be read'
  else
    # What stands in a directory that may not be searched looks as if it were not there.
    place=$env
    while place=${place%/*} && [ -n "$place" ]; do
      [ -x "$place" ] || [ ! -d "$place" ] || refuse "cannot be looked for: chmod u+x $place"
    done
  fi
  defined
  while [ $# -gt 0 ]; do export "${1?}" || exit @not_started@; shift; done
}
"""

LAUNCH = """\
launch() {
  trap - TERM INT HUP ALRM
  [ ! -e "$log.stop" ] || exit 143
  export JOBSYNC_JOB=@job@ JOBSYNC_LABEL=@label@ JOBSYNC_DIR=@job_directory@ JOBSYNC_RUN="$run"@attempt_variable@
  given
  cd @directory@ || exit @not_started@
@stdin@\
  exec @command@
}
"""

AWAIT = """\
# bash may have lost a command that has ended, and would wait for it for ever: a second is enough. What comes to the
# group meanwhile must not end this too.
nudge() {
  trap 'lost=1' USR2
  [ -z "$nudger" ] || kill -KILL "$nudger" 2>/dev/null
  trap '' TERM INT HUP
  (
    sleep 1
    kill -USR2 $$
  ) >/dev/null 2>&1 &
  nudger=$!
  listen
}
await() {
  nudger='' lost=''
  [ -z "$stopped" ] || stop "$stopped"
  # dash says on stderr what signal ended it.
  wait "$child" 2>/dev/null
  status=$?
  while [ -n "$woken" ] && [ -z "$lost" ]; do
    woken=''
    kill -0 "$child" 2>/dev/null || nudge
    wait "$child" 2>/dev/null
    again=$?
    [ -n "$lost" ] || [ $again -eq 127 ] || status=$again
  done
  [ -z "$nudger" ] || { kill -KILL "$nudger" && wait "$nudger"; } 2>/dev/null
  child='' woken=''
}
"""

STDIN = """\
  # A redirection of the call that fails is said to nobody.
  [ -r @path@ ] || { printf '%s\\n' @unreadable@; exit @not_started@; }
  exec <@path@
"""

RUN = """\
launch </dev/null >>"$log" 2>&1 &
child=$!
await
"""

NAP = """\
nap() {
  # A signal that a child gets while it still has this shell's traps is lost: it drops them, then looks for the mark.
  { trap - TERM INT HUP ALRM; [ -e "$log.stop" ] || exec sleep "$1"; } &
  child=$!
  # A signal that came before the child had a name.
  [ -z "$stopped$reason" ] || { true >"$log.stop"; kill "$child" 2>/dev/null; }
  wait "$child" 2>/dev/null
  child='' woken=''
}
"""
