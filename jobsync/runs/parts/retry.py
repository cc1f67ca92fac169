"""`[retry]`: further attempts, and the waits between them. As sh."""

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
