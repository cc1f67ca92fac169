"""Whether a start is too late, or `[when]` keeps the command from running. As sh."""

LATE = """\
# How many minutes ago the latest slot was, by the wall clock; slots are "month day weekday hour minute", * is any.
lateness() {
  # No here-document: bash 3.2 and zsh put that into a file, and where the disk is full no start would be in time.
  printf '%s\\n' @slots@ | awk -v now="$now" -v offset="$offset" -v most=@late_minutes@ '
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
    }'
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
  # As systemd's ConditionACPower has it. That no supply is on says nothing: a desktop's USB ports are supplies too, and
  # the power that comes through a laptop's is often nobody's (systemd/systemd#24214, #25316).
  draining=''
  for supply in @supplies@/*; do
    case $(cat "$supply/type" 2>/dev/null) in
      Mains) if [ "$(cat "$supply/online" 2>/dev/null)" = 1 ]; then return 0; fi ;;
      Battery)
        # The scope of a mouse's is Device.
        case $(cat "$supply/scope" "$supply/status" 2>/dev/null) in
          Device*) ;;
          *Discharging) draining=1 ;;
        esac
        ;;
    esac
  done
  [ -z "$draining" ]
}
"""

ONLINE = """\
online() {
  if [ ! -r @routes@/route ]; then
    # route(8) exits with 0 where there is no such route, too: then it only complains.
    for kind in -inet -inet6; do
      if /sbin/route -n get $kind default 2>/dev/null | grep -q interface:; then return 0; fi
    done
    return 1
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
nap='' why='not begun'
# The scheduler's TERM, while it waits: nothing has run, and nothing will.
trap 'kill "$nap" 2>/dev/null; skip "$why, stopped while it waited"' TERM INT HUP
while [ -z "$by" ] && unmet; do
  [ "$waited" -lt @wait@ ] || skip "$why"
  sleep 5 &
  nap=$!
  wait "$nap" 2>/dev/null
  waited=$((waited + 5))
done
trap - TERM INT HUP
"""
