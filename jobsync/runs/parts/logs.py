"""The log of one run, and the keeper beside the command that bounds it. As sh."""

LOGS = """\
[ -d "$logs" ] || mkdir -p -- "$logs"
log=$logs/$run.log tidy=''
set -- "$logs"/*.log
if [ $# -ge @most_logs@ ]; then
  # The old ones go to the end of the list, then the others leave it. Beside the command, and seldom.
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
@mark_unstarted@@tell_unstarted@\
  exit @not_started@
fi
"""

SAY = """\
say() { printf 'jobsync: %s\\n' "$*" >>"$log"; }
"""

BOUND = """\
# What a log has above its limit leaves it from the middle. It is emptied in place: the command appends, so its next
# line is the first again. What is printed between the last look at its size and the emptying is lost and in no number:
# hence "at least". `.cut` holds how many bytes left the log, those in `.head` and `.tail` included.
# macOS's tail(1) copies on for as long as the log grows, which may be for ever; so head(1) ends it.
bound() {
  size=$(wc -c <"$log")
  [ "$size" -gt @log_limit@ ] || return 0
  busy=1 cut=0
  # A disk without room for these takes no more of the log either: it stays as it is.
  if {
    if [ -f "$log.cut" ]; then read -r cut <"$log.cut"; else head -c @log_head@ <"$log" >"$log.head"; fi &&
      tail -c @log_tail@ <"$log" | head -c @log_tail@ >"$log.tail"
  }; then
    size=$(wc -c <"$log")
    # Before the log is empty: whoever reads both sees that it was cut, or all of it.
    printf '%s\\n' $((cut + size)) >"$log.cut"
    true >"$log"
  fi
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
    head -c @log_head@ <"$log" >"$log.head" || rm -f -- "$log.head"
  fi
  bytes=$((cut + size))${least:++}
  if {
    cat "$log.head" && printf '\\njobsync: %s bytes were cut here\\n' "$least$((lost + cut))" &&
      if [ $size -lt @log_tail@ ]; then
        tail -c $((@log_tail@ - size)) <"$log.tail" && printf '\\njobsync: some of them may have been cut here\\n'
      fi && tail -c +$((size > @log_tail@ ? size - @log_tail@ + 1 : 1)) <"$log" | head -c @log_tail@
  } >"$log.new" && mv -f "$log.new" "$log"; then
    rm -f -- "$log.head" "$log.tail" "$log.cut"
  else
    rm -f -- "$log.new"
    [ -f "$log.cut" ] || rm -f -- "$log.head" "$log.tail"
  fi
}
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
