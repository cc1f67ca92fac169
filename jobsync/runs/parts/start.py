"""What a launcher begins with: its places, its records, and whether this start counts at all. As sh."""

TOOLS = """\
# What this file calls by itself is the system's: the job's PATH may lack it, or have another program of that name.
job_path=${PATH-} PATH=@system_path@${PATH:+:$PATH}
"""

PLACES = """\
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
"""

HEAD = """\
# One start of a shell for both: each costs half a millisecond.
now=$(umask; exec date '+%s %z')
mask=${now%%[!0-9]*} now=${now#*[!0-9]}
umask 077

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
  [ -f "$runs" ] && [ "$(wc -c <"$runs")" -gt @most_records@ ] && [ ! -p "$runs.new" ] || return 0
  tail -c @kept_records@ "$runs" | {
    read -r _
    read -r word id second rest
    if [ "$word" = since ]; then printf 'since %s\\n' "$id"
    else printf 'since %s\\n%s\\n' "$second" "$word $id $second $rest"; fi
    cat
  } >"$runs.new" && mv -f "$runs.new" "$runs"
}
skip() {
@told_before@\
  record "skip $run $now offset=$offset digest=$digest $1"
  shorten
  exit 0
}
second() { until=''; read -r until <"$1" || :; case $until in '' | *[!0-9]* | ????????????*) until=0 ;; esac; }

[ -d "${runs%/*}" ] || mkdir -p -- "${runs%/*}"
# Who opens a pipe waits for whoever reads it.
[ ! -p "$runs" ] || runs=/dev/null
"""

TOLD_BEFORE = """\
  # A path may start the job every ten seconds, for ever: once is told, or all else would leave the records.
  case $(tail -n 1 "$runs" 2>/dev/null) in
    "skip "*" digest=$digest $1") [ "$1" = held ] || exit 0 ;;
  esac
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
