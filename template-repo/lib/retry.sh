# shellcheck shell=bash
# Try a command again when it fails; for bash 3.2 (what macOS ships) and newer.
#
#   source ../../lib/retry.sh
#   retry curl -fsS https://example.com/feed      # three tries in all, waits of 1 s and 2 s between them
#   retry -n 5 -d 10 rsync -a notes/ nas:notes/   # five tries, waits of 10, 20, 40 and 80 s
#
# Returns 0 as soon as one try does, else the status of the last one; 2 when it is called wrongly. Each failure is said
# on stderr. -d takes whole seconds.
#
# Danger: the command runs where bash ignores `set -e`, in functions as well. A function that you retry goes on after a
# line that failed, so end each of its lines with `|| return`, or make it a script of its own.

retry() {
  # Long names, because a retried function sees these variables as if they were its own.
  local retry_tries=3 retry_wait=1 retry_try=1 retry_status

  while [[ ${1-} == -* ]]; do
    case $1 in
      -n) retry_tries=${2-} ;;
      -d) retry_wait=${2-} ;;
      --) shift && break ;;
      *) break ;;
    esac
    shift 2 || break
  done
  if [[ ! $retry_tries =~ ^[1-9][0-9]*$ || ! $retry_wait =~ ^(0|[1-9][0-9]*)$ || -z ${1-} || $1 == -* ]]; then
    echo 'usage: retry [-n TRIES] [-d SECONDS] [--] COMMAND [ARGUMENT...]' >&2
    return 2
  fi

  while true; do
    retry_status=0
    "$@" || retry_status=$?
    if ((retry_status == 0)); then return 0; fi

    # Only the command's name: its arguments may hold a password.
    if ((retry_try >= retry_tries)); then
      echo "retry: $1: try $retry_try of $retry_tries failed with status $retry_status; giving up" >&2
      return "$retry_status"
    fi
    echo "retry: $1: try $retry_try of $retry_tries failed with status $retry_status; next in $retry_wait s" >&2
    sleep "$retry_wait"
    retry_try=$((retry_try + 1))
    retry_wait=$((retry_wait * 2))
  done
}
