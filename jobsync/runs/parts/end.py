"""How a run ends: its record, the mark of a failure, and `[notify]`. As sh."""

FAILING = """\
mark() {
  [ -d "${failing%/*}" ] || mkdir -p -- "${failing%/*}"
  # It only has to be there. Who opens a pipe waits for whoever reads it.
  [ -e "$failing" ] || true >"$failing"
}
"""

MARK_UNSTARTED = """\
  mark
"""

MARK_END = """\
  if [ -n "$reason" ] || ! { @ended_well@; }; then mark
  elif [ -e "$failing" ]; then rm -f -- "$failing" 2>/dev/null; fi
"""

FINISH = """\
finish() {
  # A signal to the whole group would end what is called here, and date(1) before it has said when this was.
  trap '' TERM INT HUP
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
  set -- "$1" "end $run ${end% *} $1 offset=${end#* } attempts=$attempt bytes=$bytes@more@${reason:+ $reason}"
  if ! record "$2" 2>/dev/null && [ -f "$runs" ] && [ -w "$runs" ]; then
    # A full disk. How it ended is worth more than the second half of what it printed, so dd(1) cuts that off.
    dd if=/dev/null of="$log" bs=1024 seek=$(($(wc -c <"$log") / 2048)) 2>/dev/null
    record "$2"
  fi
@mark_end@\
}
"""

STOPPED = """\
if [ -n "$stopped" ] && [ -z "$reason" ]; then
  [ "$attempt" -gt 0 ] || status=143
  @succeeded@ || reason=stopped
fi
"""

END = """\
finish "$status"
"""

GIVEN_TO_TELL = """\
# An env file that kept the run from starting keeps nobody from being told.
given_to_tell() { if (given) >/dev/null 2>&1; then given; else defined; fi; }
"""

TELL_UNSTARTED = """\
  status=@not_started@ reason=log
  tell failed
"""

TELL = """\
tell() {
  # Who is told what failed when the disk did must not need it.
  { true >>"$log"; } 2>/dev/null || log=/dev/null
  former='' event=failed
  [ ! -f "$told" ] || read -r former <"$told" || :
  if [ "$1" = ok ]; then
    case $former in ok) return ;; '') event=succeeded ;; *) event=@on_recovery@ ;; esac
  elif [ "$former" = failed ]; then return; fi
  [ -d "${told%/*}" ] || mkdir -p -- "${told%/*}"
  # Who opens a pipe waits for whoever reads it; a directory takes no line.
  if [ -f "$told" ] || [ ! -e "$told" ]; then printf '%s\\n' "$1" >"$told"; fi
  case $event in @events@) ;; *) return ;; esac
  message="@job_name@ $event"
  [ "$event" != failed ] || message="$message: ${reason:-status $status}"
  export JOBSYNC_EVENT="$event" JOBSYNC_MESSAGE="$message" JOBSYNC_STATUS="$status" JOBSYNC_REASON="$reason"
  export JOBSYNC_JOB=@job@ JOBSYNC_LABEL=@label@ JOBSYNC_DIR=@job_directory@ JOBSYNC_RUN="$run" JOBSYNC_LOG="$log"
  (
    given_to_tell
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
  wait "$child" 2>/dev/null || {
    printf 'jobsync: the command of [notify] ended with status %s\\n' $? >>"$log"
    # Nobody was told, as where the network is down that made the run fail too: the next run tells it.
    if [ -n "$former" ]; then printf '%s\\n' "$former" >"$told"; else rm -f -- "$told" 2>/dev/null; fi
  }
  kill -USR1 "$nap" 2>/dev/null
}
"""

NOTIFY = """\
trap : TERM INT HUP ALRM
if [ -z "$stopped" ]; then
  if @succeeded@; then tell ok; else tell failed; fi
fi
"""
