"""`[limits]`: the timeout, and the lock that jobs share. As sh."""

DEADLINE = """\
# Whether the whole group is this run: only then may it be signalled. Without `read`: BusyBox 1.38's never ends where a
# signal came before.
leads() {
  if [ -r /proc/$$/stat ]; then group=$(cut -d ' ' -f 5 "/proc/$$/stat"); else group=$(ps -o pgid= -p $$); fi
  [ "$((group))" -eq $$ ]
}
# shellcheck disable=SC2329 # the trap calls it
late() {
  [ -z "$busy" ] || return
  busy=1 woken=1
  true >"$log.stop"
  if [ -z "$reason" ]; then
    reason=timeout
    say 'still running after @timeout_words@: told to end (TERM)'
    if leads; then trap : TERM; kill -TERM 0; trap 'stop TERM' TERM
    elif [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi
  elif [ -z "$killed" ]; then
    killed=@killed@
    say 'still running @grace_words@ after that: killed'
    [ -z "$child" ] || kill -KILL "$child" 2>/dev/null
  else
    # Not even that was heard, as on a disk that hangs. Recorded before the blow, which hits this shell too.
    finish @killed@
    if leads; then kill -KILL 0; fi
  fi
  busy=''
}
# bash 3.2 runs the trap of a signal again inside of itself, before the next command.
killed='' busy=''
trap 'late' ALRM
"""

TIMED = """\
[ "$reason" != timeout ] || status=${killed:-@timed_out@}
"""

KILL = """\
if [ -n "$killed" ] && leads; then kill -KILL 0; fi
"""

LOCK = """\
# A lock is a link whose target says who holds it: made in one step, or not at all. It is stale when the machine has
# been started since, when that process is gone, or when its number is another program's by now.
me="$run $(boot) @job_name@"
# A directory would take the link into itself.
claim() { [ ! -d "$1" ] && ln -s "$me" "$1" 2>/dev/null; }
stale() {
  holder=${1%% *} rest=${1#* }
  holder=${holder##*-}
  [ "${rest%% *}" = "$(boot)" ] && kill -0 "$holder" 2>/dev/null || return 0
  command=$(tr '\\000' ' ' 2>/dev/null <"/proc/$holder/cmdline" || ps -o args= -p "$holder")
  case $command in '' | *@launchers@*) return 1 ;; esac
}
# Only one may take a stale lock away: two that did might take the new one of a third. Who may is said by a link that is
# named after whom he succeeds. Where he died over it, nobody takes that away, for the same reason: he is succeeded too.
succeed() {
  dead=$1 gone=$1
  set --
  while heir=$lock~${dead%% *} && ! claim "$heir"; do
    if ! dead=$(readlink "$heir") || ! stale "$dead" || [ $# -gt 50 ]; then
      nap 0.1
      return
    fi
    set -- "$@" "$heir"
  done
  [ "$(readlink "$lock")" != "$gone" ] || rm -f -- "$lock"
  rm -f -- "$@" "$heir"
}
[ -d "${lock%/*}" ] || mkdir -p -- "${lock%/*}"
locked='' since=$waited tries=0
until [ -n "$locked$stopped$reason" ]; do
  if claim "$lock"; then
    locked=1
  elif held=$(readlink "$lock") && ! stale "$held"; then
    [ "$waited" -gt "$since" ] || say "waits for the lock @lock_name@, which ${held##* } has (pid $holder)"
    nap 1
    waited=$((waited + 1)) tries=0
  else
    tries=$((tries + 1))
    if [ $tries -gt 50 ]; then
      say "cannot make $lock"
      reason=lock status=@not_started@
    elif [ -n "$held" ]; then
      [ $tries -gt 1 ] || say "takes the lock @lock_name@ from ${held##* }, which is gone"
      succeed "$held"
    fi
  fi
done
"""

IF_LOCKED = """\
if [ -n "$stopped$reason" ]; then
  attempt=0
else
"""

UNLOCK = """\
  if [ -n "$locked" ] && [ "$(readlink "$lock")" = "$me" ]; then rm -f -- "$lock"; fi
"""
