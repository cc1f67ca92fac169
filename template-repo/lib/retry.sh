# shellcheck shell=bash
# Try a command again when it fails; for bash 3.2 (what macOS ships) and newer.
#
#   source ../../lib/retry.sh
#   retry curl -fsS https://example.com/feed      # three attempts in all, waits of up to 1 s and 2 s between them
#   retry -n 5 -d 10 rsync -a notes/ nas:notes/   # five, waits of up to 10, 20, 40 and 80 s
#   retry -a 22 -h headers curl -fsS -D headers https://example.com/feed
#
#   -n ATTEMPTS  how many in all; 3
#   -d SECONDS   what the first wait may take; it doubles after each failure; 1
#   -m SECONDS   what no wait exceeds; 300
#   -a STATUS    abort: no further attempt can help after this status; several are possible, 126 and 127 are two of them
#   -h FILE      where the command puts the headers of an HTTP answer: a Retry-After in it is given that time
#
# Waits are random, so that machines that failed together do not come back together. Returns 0 as soon as one attempt
# does, else the status of the last one; 2 when it is called wrongly. Each failure is said on stderr. Whole seconds only.
#
# Danger: the command runs where bash ignores `set -e`, in functions as well. A function that you retry goes on after a
# line that failed, so end each of its lines with `|| return`, or make it a script of its own.

# Print how many seconds the headers in a file ask to wait, whether as a number or as a date; 0 where they do not.
retry_after() {
  local line value='' month months=JanFebMarAprMayJunJulAugSepOctNovDec year days moment now
  local date='^[A-Za-z]+, ([0-9][0-9]) ([A-Z][a-z]+) ([0-9]+) ([0-9][0-9]):([0-9][0-9]):([0-9][0-9]) GMT$'
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    case $line in
      HTTP/*) value='' ;; # the answer after a redirection
      [Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]:*) read -r value <<<"${line#*:}" ;;
    esac
  done <"$1"
  if [[ $value =~ ^[0-9]+$ ]]; then
    ((${#value} < 10)) || value=999999999
    echo $((10#$value))
  elif [[ $value =~ $date && $months == *"${BASH_REMATCH[2]}"* ]]; then
    # Days since 1970, in years that begin in March: date(1) reads dates differently on each system.
    month=${months%%"${BASH_REMATCH[2]}"*}
    month=$(((${#month} / 3 + 10) % 12)) year=$((10#${BASH_REMATCH[3]}))
    if ((month > 9)); then year=$((year - 1)); fi
    days=$((year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + 10#${BASH_REMATCH[1]} - 719469))
    moment=$((days * 86400 + 10#${BASH_REMATCH[4]} * 3600 + 10#${BASH_REMATCH[5]} * 60 + 10#${BASH_REMATCH[6]}))
    now=$(date +%s)
    echo $((moment > now ? moment - now : 0))
  else
    echo 0
  fi
}

retry() {
  # Long names, because a retried function sees these variables as if they were its own.
  local retry_attempts=3 retry_delay=1 retry_max=300 retry_abort=' 126 127' retry_headers=''
  local retry_attempt=1 retry_status retry_failure retry_wait retry_asked retry_part

  while [[ ${1-} == -* ]]; do
    case $1 in
      -n) retry_attempts=${2-} ;;
      -d) retry_delay=${2-} ;;
      -m) retry_max=${2-} ;;
      -a) retry_abort+=" ${2:-x}" ;;
      -h) retry_headers=${2-} ;;
      --) shift && break ;;
      *) break ;;
    esac
    shift 2 || break
  done
  local retry_number='^(0|[1-9][0-9]*)$' retry_numbers='^( [0-9]+)+$'
  if [[ ! $retry_attempts =~ ^[1-9][0-9]*$ || ! $retry_delay =~ $retry_number || ! $retry_max =~ $retry_number ||
    ! $retry_abort =~ $retry_numbers || -z ${1-} || $1 == -* ]]; then
    echo 'usage: retry [-n ATTEMPTS] [-d SECONDS] [-m SECONDS] [-a STATUS]... [-h FILE] [--] COMMAND [ARGUMENT...]' >&2
    return 2
  fi

  while true; do
    if [[ -n $retry_headers ]]; then : >"$retry_headers"; fi
    retry_status=0
    "$@" || retry_status=$?
    if ((retry_status == 0)); then return 0; fi

    # Only the command's name: its arguments may hold a password.
    retry_failure="retry: $1: attempt $retry_attempt of $retry_attempts failed with status $retry_status"
    if ((retry_attempt >= retry_attempts)) || [[ "$retry_abort " == *" $retry_status "* ]]; then
      echo "$retry_failure; giving up" >&2
      return "$retry_status"
    fi
    if ((retry_delay > retry_max)); then retry_delay=$retry_max; fi
    retry_wait=$((retry_delay * 1000 * (RANDOM % 1001) / 1000))
    if [[ -n $retry_headers ]]; then
      retry_asked=$(retry_after "$retry_headers")
      if ((retry_asked > retry_max)); then retry_asked=$retry_max; fi
      if ((retry_asked * 1000 > retry_wait)); then retry_wait=$((retry_asked * 1000)); fi
    fi
    retry_part=$((1000 + retry_wait % 1000))
    retry_wait=$((retry_wait / 1000)).${retry_part#1}
    echo "$retry_failure; next in $retry_wait s" >&2
    sleep "$retry_wait"
    retry_attempt=$((retry_attempt + 1)) retry_delay=$((retry_delay * 2))
  done
}
