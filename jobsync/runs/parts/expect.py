"""`[expect]`: what an attempt has to show before it counts. As sh."""

MARK = """\
true >"$log.mark"
"""

JUDGE = """\
more='' judged=''
cuts() { cut=''; [ ! -f "$log.cut" ] || read -r cut <"$log.cut"; }
# What the last attempt printed, as far as the log still has it. The log is first: what leaves it is in `.tail` by then.
printed() {
  if [ "$cut" = "$cut_before" ]; then tail -c +$((before + 1)) <"$log"; return; fi
  cat "$log" "$log.tail"
  [ $attempt -gt 1 ] || cat "$log.head"
}
weigh() {
  judged='' more=''
  case $status in @success_codes@) ;; *) [ "$status" -ne 0 ] || broken 'status 0'; return ;; esac
@expectations@\
  [ "$status" -eq 0 ] || more=' ok=1'
}
broken() { judged="expectation: $1"; }
judge() {
  # Where the keeper cut the log meanwhile, half of it may not have been seen.
  until cuts; seen=$cut; weigh; cuts; [ "$cut" = "$seen" ]; do :; done
  [ -z "$judged" ] || { status=@expectation@; say "not as expected: ${judged#expectation: }"; }
}
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
before=0 judged=''
if [ -s "$log" ]; then before=$(wc -c <"$log"); fi
cuts; cut_before=$cut
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
