"""`[expect]`: what an attempt has to show before it counts. As sh."""

MARK = """\
true >"$log.mark"
"""

JUDGE = """\
more='' judged=''
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

PRINTS = """\
  if ! printed | grep -Eq -e @pattern@; then broken @words@; return; fi
"""

# grep -q leaves early, which the pipe's writer may notice; its own status is all that counts. 2 is no pattern.
PRINTS_NOT = """\
  if printed | grep -Eq -e @pattern@ || [ $? -gt 1 ]; then broken @words@; return; fi
"""

TOUCHES = """\
  if [ ! -e @path@ ] || [ "$log.mark" -nt @path@ ]; then broken @words@; return; fi
"""

BEFORE = """\
before=0 cut_before='' judged=''
if [ -s "$log" ]; then before=$(wc -c <"$log"); fi
[ ! -f "$log.cut" ] || read -r cut_before <"$log.cut"
"""

AFTER = """\
[ -n "$reason" ] || judge
"""

JUDGED = """\
reason=${reason:-$judged}
"""

UNMARK = """\
  rm -f -- "$log.mark"
"""
