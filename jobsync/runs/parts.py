"""The launcher's parts, as sh. `launcher.py` puts together those that a job uses; `@name@` is filled in there.

Facts that bind these texts:

* dash has no job control without a terminal, so all processes of a run share the launcher's group; macOS has neither
  `setsid` nor `timeout`. Under a scheduler the launcher leads that group.
* A trap interrupts `wait`, which then answers above 128 though the child still runs. Asked again after the signal, 127
  says that it gave the child's own status the first time.
* The child of `&` ignores INT and QUIT. What is ignored stays ignored in every program that is started.
* A signal that reaches the child before it has dropped our traps is lost: the `.stop` file, which is there before the
  signal is sent, tells it.
* `read` fails at a last line without a newline though it did read it. A redirection that fails ends the shell with
  `:` and not with `true`.
* `date +%s`, `+%z`, `head -c` and `sleep 0.5` are in every macOS and Linux (busybox included) of the last ten years;
  `printf` writes a line in one write(2), which O_APPEND makes whole.
"""

HEAD = """\
#!/bin/sh
# @label_comment@@description@
# Written by jobsync from @source@. Change that file: the next sync puts this one back.
set -u
runs=@runs@
logs=@logs@
pause=@pause@
hold=@hold@
env=@env@
@places@\
digest=@digest@
mask=$(umask)
umask 077

now=$(date '+%s %z')
offset=${now#* } now=${now% *}
# The date in UTC without asking date(1) a second time: days since 1 March of the year 0, in eras of 400 years.
day=$((now / 86400 + 719468)) clock=$((now % 86400)) by=''
era=$((day / 146097)) day=$((day % 146097))
year=$(((day - day / 1460 + day / 36524 - day / 146096) / 365))
day=$((day - (365 * year + year / 4 - year / 100)))
month=$(((5 * day + 2) / 153))
day=$((day - (153 * month + 2) / 5 + 1)) month=$((month < 10 ? month + 3 : month - 9))
year=$((year + era * 400 + (month < 3))) hour=$((clock / 3600)) minute=$((clock / 60 % 60))
clock=$((1000000 + hour * 10000 + minute * 100 + clock % 60))
run=$((year * 10000 + month * 100 + day))T${clock#1}Z-$$

record() { printf '%s\\n' "$*" >>"$runs"; }
# The records stay below a limit and a few lines: what is dropped is the oldest, and the first line says so.
shorten() {
  [ -f "$runs" ] && [ "$(wc -c <"$runs")" -gt @most_records@ ] || return 0
  tail -c @kept_records@ "$runs" | {
    read -r _
    read -r word id second rest
    if [ "$word" = since ]; then printf 'since %s\\n' "$id"
    else printf 'since %s\\n%s\\n' "$second" "$word $id $second $rest"; fi
    cat
  } >"$runs.new" && mv -f "$runs.new" "$runs"
}
skip() { record "skip $run $now offset=$offset digest=$digest $1"; shorten; exit 0; }
second() { until=''; read -r until <"$1" || :; case $until in '' | *[!0-9]* | ????????????*) until=0 ;; esac; }

[ -d "${runs%/*}" ] || mkdir -p -- "${runs%/*}"
"""

BOOT = """\
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || /usr/sbin/sysctl -n kern.bootsessionuuid; }
"""

LOADED = """\
if [ -f "$token" ]; then
  loaded='' until=0
  read -r loaded until <"$token" || :
  rm -f -- "$token"
  if [ "$now" -lt "$until" ] 2>/dev/null && [ "$loaded" = "$(boot)" ]; then skip 'loaded by sync'; fi
fi
"""

GATES = """\
if [ -f "$pause" ]; then
  second "$pause"
  if [ "$until" -eq 0 ] || [ "$now" -lt "$until" ]; then skip paused; fi
fi
if [ -f "$hold" ]; then
  second "$hold"
  if [ "$now" -lt "$until" ]; then skip held; fi
fi
"""

ASKED = """\
if [ -f "$asked" ]; then
  second "$asked"
  rm -f -- "$asked"
  [ "$now" -ge "$until" ] || by=' by=hand'
fi
"""

LATE = """\
# How many minutes ago the latest slot was, by the wall clock; slots are "month day weekday hour minute", * is any.
lateness() {
  awk -v now="$now" -v offset="$offset" -v most=@late_minutes@ '
    { month_of[NR] = $1; day_of[NR] = $2; weekday_of[NR] = $3; hour_of[NR] = $4; minute_of[NR] = $5 }
    function fits(wanted, value) { return wanted == "*" || wanted == value }
    END {
      sign = substr(offset, 1, 1) == "-" ? -1 : 1
      here = int((now + sign * (substr(offset, 2, 2) * 3600 + substr(offset, 4, 2) * 60)) / 60)
      for (late = 0; late <= most; late++) {
        at = here - late
        minute = at % 60; hour = int(at / 60) % 24; days = int(at / 1440)
        if (days != known) {
          known = days; weekday = (days + 4) % 7
          n = (days + 719468) % 146097
          n -= 365 * int((n - int(n / 1460) + int(n / 36524) - int(n / 146096)) / 365)
          year = int(((days + 719468) % 146097 - n) / 365)
          n -= int(year / 4) - int(year / 100)
          month = int((5 * n + 2) / 153); day = n - int((153 * month + 2) / 5) + 1
          month = month < 10 ? month + 3 : month - 9
        }
        for (i = 1; i <= NR; i++)
          if (fits(minute_of[i], minute) && fits(hour_of[i], hour) && fits(month_of[i], month) &&
              (day_of[i] == "*" && weekday_of[i] == "*" || day_of[i] == day || weekday_of[i] == weekday)) {
            print late
            exit
          }
      }
    }' <<'SLOTS'
@slots@
SLOTS
}
if [ -z "$by" ] && [ -z "$(lateness)" ]; then skip '@too_late@'; fi
"""

FRESH = """\
fresh() {
  [ -f "$runs" ] || return 1
  success=$(awk '
    $1 == "end" {
      ok = $4 == 0 || / ok=1( |$)/
      for (i = 5; i <= NF; i++) if ($i !~ /^[a-z]+=/) ok = 0
      if (ok) last = $3
    }
    END { print last + 0 }' "$runs")
  [ "$now" -ge "$success" ] && [ $((now - success)) -lt @stale_after@ ]
}
if [ -z "$by" ] && fresh; then skip '@fresh@'; fi
"""

ON_AC = """\
on_ac() {
  if [ -x @pmset@ ]; then
    @pmset@ -g batt | grep -q "'AC Power'"
    return
  fi
  seen=''
  for supply in @supplies@/*; do
    [ -f "$supply/online" ] && [ "$(cat "$supply/type")" != Battery ] || continue
    seen=1
    if [ "$(cat "$supply/online")" = 1 ]; then return 0; fi
  done
  # No such supply is a machine that has only the wall.
  [ -z "$seen" ]
}
"""

ONLINE = """\
online() {
  if [ ! -r @routes@/route ]; then
    /sbin/route -n get default >/dev/null 2>&1 || /sbin/route -n get -inet6 default >/dev/null 2>&1
    return
  fi
  while read -r _ to _; do
    if [ "$to" = 00000000 ]; then return 0; fi
  done <@routes@/route
  [ -r @routes@/ipv6_route ] || return 1
  while read -r to length _ _ _ _ _ _ _ device; do
    case $to$length-$device in
      *-lo) ;;
      0000000000000000000000000000000000-*) return 0 ;;
    esac
  done <@routes@/ipv6_route
  return 1
}
"""

WHEN = """\
unmet() { @unmet@
}
nap=''
# The scheduler's TERM, while it waits: nothing has run, and nothing will.
trap 'kill "$nap" 2>/dev/null; skip "$why, stopped while it waited"' TERM INT HUP
while [ -z "$by" ] && unmet; do
  [ "$waited" -lt @wait@ ] || skip "$why"
  sleep 5 &
  nap=$!
  wait "$nap"
  waited=$((waited + 5))
done
trap - TERM INT HUP
"""

LOGS = """\
[ -d "$logs" ] || mkdir -p -- "$logs"
log=$logs/$run.log tidy=''
set -- "$logs"/*.log
if [ $# -ge @kept_logs@ ]; then
  # The old ones go to the end of the list, then the others leave it. Beside the command: rm(1) costs a millisecond.
  old=$(($# - @kept_logs@ + 1))
  while [ $old -gt 0 ]; do
    set -- "$@" "$1" "$1.head" "$1.tail" "$1.cut" "$1.new" "$1.stop" "$1.mark"
    shift
    old=$((old - 1))
  done
  shift @kept_others@
  rm -f -- "$@" &
  tidy=$!
fi
# Now and then is enough, for a look costs a millisecond too.
[ $((($$ + now) % 8)) -ne 0 ] || shorten
record "start $run $now $$ offset=$offset digest=$digest$by"
if ! true >>"$log"; then
  record "end $run $now @not_started@ offset=$offset log"
@mark_unstarted@\
  exit @not_started@
fi
"""

FAILING = """\
mark() { [ -d "${failing%/*}" ] || mkdir -p -- "${failing%/*}"; true >"$failing"; }
"""

MARK_UNSTARTED = """\
  mark
"""

MARK_END = """\
  if [ -n "$reason" ] || ! { @ended_well@; }; then mark
  elif [ -e "$failing" ]; then rm -f -- "$failing"; fi
"""

STATE = """\
child='' stopped='' woken='' reason='' keeper='' attempt=1 status=0
"""

SAY = """\
say() { printf 'jobsync: %s\\n' "$*" >>"$log"; }
"""

BOUND = """\
# What a log has above its limit leaves it from the middle. It is emptied in place: the command appends, so its next
# line is the first again. What is printed between the last look at its size and the emptying is lost and in no number:
# hence "at least". `.cut` holds how many bytes left the log, those in `.head` and `.tail` included.
bound() {
  size=$(wc -c <"$log")
  [ "$size" -gt @log_limit@ ] || return 0
  busy=1 cut=0
  if [ -f "$log.cut" ]; then read -r cut <"$log.cut"; else head -c @log_head@ <"$log" >"$log.head"; fi
  tail -c @log_tail@ <"$log" >"$log.tail"
  size=$(wc -c <"$log")
  true >"$log"
  printf '%s\\n' $((cut + size)) >"$log.cut"
  busy=''
  [ -z "$over" ] || exit 0
}
# When the run has ended the parts become one file. `bytes` is the size of the log, and then of all that was printed.
join() {
  size=$((bytes)) lost=$((bytes - @log_head@ - @log_tail@)) least='' cut=0
  if [ -f "$log.cut" ]; then
    least='at least '
    read -r cut <"$log.cut"
  else
    head -c @log_head@ <"$log" >"$log.head"
  fi
  bytes=$((cut + size))${least:++}
  if {
    cat "$log.head"
    printf '\\njobsync: %s bytes were cut here\\n' "$least$((lost + cut))"
    if [ $size -lt @log_tail@ ]; then
      tail -c $((@log_tail@ - size)) <"$log.tail"
      printf '\\njobsync: some of them may have been cut here\\n'
    fi
    tail -c +$((size > @log_tail@ ? size - @log_tail@ + 1 : 1)) <"$log" | head -c @log_tail@
  } >"$log.new" && mv -f "$log.new" "$log"; then rm -f -- "$log.head" "$log.tail" "$log.cut"; fi
}
"""

FINISH = """\
finish() {
  if [ -n "$keeper" ]; then
    kill -USR1 "$keeper" 2>/dev/null
    wait "$keeper" 2>/dev/null || wait "$keeper" 2>/dev/null
  fi
  bytes=0
  if [ -s "$log" ]; then bytes=$(wc -c <"$log"); fi
  if [ -f "$log.cut" ] || [ "$bytes" -gt @log_limit@ ]; then join; else bytes=$((bytes)); fi
  [ ! -e "$log.stop" ] || rm -f -- "$log.stop"
  [ -z "$tidy" ] || wait "$tidy" 2>/dev/null
@unlock@@unmark@\
  end=$(date '+%s %z')
  record "end $run ${end% *} $1 offset=${end#* } attempts=$attempt bytes=$bytes@more@${reason:+ $reason}"
@mark_end@\
}
"""

STOP = """\
stop() { stopped=$1 woken=1; [ -z "$child" ] || { true >"$log.stop"; kill -TERM "$child" 2>/dev/null; }; }
trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop HUP' HUP
"""

DEADLINE = """\
# Whether the whole group is this run: only then may it be signalled.
leads() {
  if [ -r /proc/$$/stat ]; then read -r _ _ _ _ group _ <"/proc/$$/stat"; else group=$(ps -o pgid= -p $$); fi
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

KEEPER = """\
# Beside the command: bounds the log@keeper_duty@. It looks each second while the log grows fast, else ever less often.
# A scheduler sends TERM to all processes of a job; a command that takes its time to end is still kept.
keep() {
  # Not as a redirection of the call: dash would keep copies of both, and whoever reads them would wait for this.
  exec >/dev/null 2>&1
  trap '' TERM INT HUP
  # Not in the middle of a cut: what is gone from the log would be in no count.
  trap 'over=1; [ -n "$busy" ] || { kill -KILL "$nap" 2>/dev/null; exit 0; }' USR1
  nap='' busy='' over='' step=1 size=0@keeper_state@
  while kill -0 $$ 2>/dev/null; do
    former=$size@keeper_step@
    sleep "$step" &
    nap=$!
    wait "$nap"
    bound
@keeper_deadline@\
    if [ $((size - former)) -gt @fast@ ] || [ "$size" -lt "$former" ]; then step=1
    elif [ "$step" -lt @slowest@ ]; then step=$((step * 2)); fi
  done
}
keep &
keeper=$!
"""

KEEPER_STEP = """
    [ "$step" -le "$left" ] || step=$left"""

KEEPER_DEADLINE = """\
    left=$((left - step))
    if [ "$left" -le 0 ]; then kill -ALRM $$; left=@grace@; fi
"""

NAP = """\
nap() {
  sleep "$1" &
  child=$!
  # A signal that came before the child had a name.
  [ -z "$stopped$reason" ] || kill "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  child='' woken=''
}
"""

LOCK = """\
# A lock is a link whose target says who holds it: made in one step, or not at all. It is stale when the machine has
# been started since, when that process is gone, or when its number is another program's by now.
me="$$ $(boot) @job_name@"
stale() {
  holder=${1%% *} rest=${1#* }
  [ "${rest%% *}" = "$(boot)" ] && kill -0 "$holder" 2>/dev/null || return 0
  command=$(tr '\\000' ' ' 2>/dev/null <"/proc/$holder/cmdline" || ps -o args= -p "$holder")
  case $command in '' | *@launchers@*) return 1 ;; esac
}
# Only one may take a stale lock away: two that did might take the new one of a third.
steal() {
  if ln -s "$me" "$lock.steal" 2>/dev/null; then
    [ "$(readlink "$lock")" != "$1" ] || rm -f -- "$lock"
    rm -f -- "$lock.steal"
  elif stale "$(readlink "$lock.steal")"; then
    rm -f -- "$lock.steal"
  fi
}
[ -d "${lock%/*}" ] || mkdir -p -- "${lock%/*}"
locked='' since=$waited tries=0
until [ -n "$locked$stopped$reason" ]; do
  if ln -s "$me" "$lock" 2>/dev/null; then
    locked=1
  elif held=$(readlink "$lock"); then
    if stale "$held"; then
      say "takes the lock @lock_name@ from ${held##* }, which is gone"
      steal "$held"
    else
      [ "$waited" -gt "$since" ] || say "waits for the lock @lock_name@, which ${held##* } has (pid ${held%% *})"
      nap 1
      waited=$((waited + 1))
    fi
  else
    tries=$((tries + 1))
    if [ $tries -gt 50 ]; then say "cannot make $lock"; reason=lock status=@not_started@; fi
  fi
done
"""

UNLOCK = """\
  if [ -n "$locked" ] && [ "$(readlink "$lock")" = "$me" ]; then rm -f -- "$lock"; fi
"""

LAUNCH = """\
refuse() { printf '%s\\n' "jobsync: not started: $env: $1"; exit @not_started@; }
launch() {
  trap - TERM INT HUP ALRM
  [ ! -e "$log.stop" ] || exit 143
  export JOBSYNC_JOB=@job@ JOBSYNC_LABEL=@label@ JOBSYNC_DIR=@job_directory@ JOBSYNC_RUN="$run"@attempt_variable@
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
  fi
  umask "$mask"
@environment@  while [ $# -gt 0 ]; do export "${1?}" || exit @not_started@; shift; done
  cd @directory@ || exit @not_started@
  exec @command@
}
await() {
  [ -z "$stopped" ] || stop "$stopped"
  wait "$child"
  status=$?
  while [ -n "$woken" ]; do
    woken=''
    wait "$child" 2>/dev/null
    again=$?
    [ $again -eq 127 ] || status=$again
  done
  child=''
}
"""

RUN = """\
launch <@stdin@ >>"$log" 2>&1 &
child=$!
await
"""

JUDGE = """\
more=''
# What the last attempt printed, as far as the log still has it.
printed() {
  cut=''
  [ ! -f "$log.cut" ] || read -r cut <"$log.cut"
  if [ "$cut" = "$cut_before" ]; then tail -c +$((before + 1)) <"$log"; return; fi
  [ $attempt -gt 1 ] || cat "$log.head"
  cat "$log.tail" "$log"
}
judge() {
  more=''
  case $status in @success_codes@) ;; *) [ "$status" -ne 0 ] || broken 'status 0'; return ;; esac
@expectations@\
  [ "$status" -eq 0 ] || more=' ok=1'
}
broken() { status=@expectation@ judged="expectation: $1"; say "not as expected: $1"; }
"""

EXPECT_PRINTS = """\
  if ! printed | grep -Eq -e @pattern@; then broken @words@; return; fi
"""

# grep -q leaves early, which the pipe's writer may notice; its own status is all that counts. 2 is no pattern.
EXPECT_PRINTS_NOT = """\
  if printed | grep -Eq -e @pattern@ || [ $? -gt 1 ]; then broken @words@; return; fi
"""

EXPECT_TOUCHES = """\
  if [ ! -e @path@ ] || [ "$log.mark" -nt @path@ ]; then broken @words@; return; fi
"""

UNMARK = """\
  rm -f -- "$log.mark"
"""

BEFORE = """\
before=0 cut_before='' judged=''
if [ -s "$log" ]; then before=$(wc -c <"$log"); fi
[ ! -f "$log.cut" ] || read -r cut_before <"$log.cut"
"""

AFTER = """\
[ -n "$reason" ] || judge
"""

LOOP_HEAD = """\
attempt=0
while [ -z "$stopped$reason" ]; do
  attempt=$((attempt + 1))
"""

LOOP_TAIL = """\
  if @succeeded@ || [ "$attempt" -ge @attempts@ ] || [ -n "$stopped$reason" ]@unless_worth@; then break; fi
  wait_long
done
"""

IF_LOCKED = """\
if [ -n "$stopped$reason" ]; then
  attempt=0
else
"""

TIMED = """\
[ "$reason" != timeout ] || status=${killed:-@timed_out@}
"""

JUDGED = """\
reason=${reason:-$judged}
"""

STOPPED = """\
if [ -n "$stopped" ] && [ -z "$reason" ]; then
  [ "$attempt" -gt 0 ] || status=143
  [ "$status" -eq 0 ] || reason=stopped
fi
"""

END = """\
finish "$status"
"""

KILL = """\
if [ -n "$killed" ] && leads; then kill -KILL 0; fi
"""

MARK = """\
true >"$log.mark"
"""

WORTH = """\
worth() { case $status in @retriable@) ;; *) return 1 ;; esac; }
"""

RETRY = """\
# The wait doubles, less up to a quarter of it at random: machines that failed together come back one by one.
seed=$((($$ + now) % 65537)) delay=@delay@
wait_long() {
  seed=$(((seed * 75 + 74) % 65537))
  long=$((delay * 1000 - delay * 250 * (seed % 1000) / 1000))
  part=$((1000 + long % 1000))
  long=$((long / 1000)).${part#1}
  say "attempt $attempt of @attempts@ failed with status $status; next in $long s"
  delay=$((delay * 2 > @max_delay@ ? @max_delay@ : delay * 2))
  nap "$long"
}
"""

NOTIFY = """\
tell() {
  former='' event=failed
  [ ! -f "$told" ] || read -r former <"$told" || :
  if [ "$1" = ok ]; then
    case $former in ok) return ;; '') event=succeeded ;; *) event=@on_recovery@ ;; esac
  elif [ "$former" = failed ]; then return; fi
  [ -d "${told%/*}" ] || mkdir -p -- "${told%/*}"
  printf '%s\\n' "$1" >"$told"
  case $event in @events@) ;; *) return ;; esac
  message="@job_name@ $event"
  [ "$event" != failed ] || message="$message: ${reason:-status $status}"
  export JOBSYNC_EVENT="$event" JOBSYNC_MESSAGE="$message" JOBSYNC_STATUS="$status" JOBSYNC_REASON="$reason"
  export JOBSYNC_JOB=@job@ JOBSYNC_LABEL=@label@ JOBSYNC_DIR=@job_directory@ JOBSYNC_RUN="$run" JOBSYNC_LOG="$log"
  (
    umask "$mask"
    cd @job_directory@ && exec @teller@
  ) </dev/null >>"$log" 2>&1 &
  child=$!
  # The scheduler ends all that is left of a job with its launcher: so this waits, though not for long.
  (
    trap 'kill -KILL "$nap" 2>/dev/null; exit 0' USR1
    nap=''
    sleep @notify_limit@ &
    nap=$!
    wait "$nap"
    kill -KILL "$child"
  ) >/dev/null 2>&1 &
  nap=$!
  wait "$child" 2>/dev/null || printf 'jobsync: the command of [notify] ended with status %s\\n' $? >>"$log"
  kill -USR1 "$nap" 2>/dev/null
}
trap : TERM INT HUP ALRM
if [ -z "$stopped" ]; then
  if @succeeded@; then tell ok; else tell failed; fi
fi
"""
