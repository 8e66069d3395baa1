# shellcheck shell=bash disable=SC2015,SC2034,SC2154,SC2317
# The rest of every run.sh. The part before it, made for one batch, sets `limit` and `grace` (hundredths
# of a second), `inputs` (how many there are in inputs.sha256) and the function `program`.
#
# One loop that only ever sleeps for moments, instead of timers in the background: a signal that comes between
# two statements is seen at the next turn, and nothing of ours is left over when this process is killed.

cd -P -- "$(dirname -- "$0")" || exit 70
exec </dev/null 3>>run.log >/dev/null 2>&1 || exit 70

told='' child='' ending='' interrupted='' timed_out=false kill_at='' stamp_at=0 stamped='' members=()
trap 'told=1' TERM INT HUP # and no more: a `read` in a trap makes bash forget the time limit of the one it interrupts

claim() { # of two starts one wins: a hard link is made only where there is none
  boot_id && now && process $$ || exit 70
  pid=$$ pid_ticks=$ticks pid_boot=$boot began=$at
  printf '{"pid":%d,"start":%d,"boot":"%s","at":%s}\n' $$ "$ticks" "$boot" "$at" >"claim.$$" || exit 70
  ln -T -- "claim.$$" claim
  local lost=$?
  rm -f -- "claim.$$"
  ((lost == 0)) || exit 0
}

end() { # TERM now, KILL when the grace is over; `stop` has its own idea of the grace
  local asked=''
  [[ -z $kill_at ]] || return 0
  [[ ! -f stop ]] || read -r asked <stop
  [[ ! $asked =~ ^[0-9]{1,9}$ ]] || grace=$((10#$asked))
  ending=1
  uptime
  kill_at=$((up + grace))
  kill -TERM -- "-$child"
  kill -CONT -- "-$child"
}

in_group() { # run "$@" in its own process group until all of it has ended; code: how its first process ended
  local ends_at
  uptime
  ends_at=$((up + limit))
  set -m
  "$@" >&3 2>&3 3>&- 9>&- &
  child=$!
  set +m
  while kill -0 "$child"; do
    pause 0.03
    keep_time
  done
  wait "$child"
  code=$? interrupted=$ending
  leftovers
  while ((${#members[@]})) && [[ -n $kill_at ]] && ((up < kill_at)); do
    pause 0.05
    uptime
    leftovers
  done
  sweep
  child='' kill_at=''
}

keep_time() {
  uptime
  stamp_log
  if [[ -z $told$ending ]] && ((up >= ends_at)); then
    timed_out=true
    end
  fi
  [[ -z $told ]] || end
  if [[ -n $kill_at ]] && ((up >= kill_at)); then kill -KILL -- "-$child"; fi
}

stamp_log() { # when the log was how long, every two seconds in which it grew: what `cosmos logs --since` is answered from
  local size
  ((up >= stamp_at)) || return 0
  stamp_at=$((up + 200))
  size=$(stat -c %s run.log) || return 0
  [[ $size == "$stamped" ]] || { now && printf '%s %s\n' "$at" "$size" >>run.log.times; }
  stamped=$size
}

leftovers() {
  look_around
  find_members "$PWD"
}

sweep() { # whatever the program has left behind; one that the kernel does not let go is given ten seconds
  local turn
  for ((turn = 0; turn < 200 && ${#members[@]}; turn++)); do
    kill -KILL "${members[@]}"
    pause 0.05
    leftovers
  done
}

verify() {
  sha256sum --check --status --strict inputs.sha256
}

discard_damaged() { # so that the next look finds the blob missing and it is uploaded again
  local sha path blob
  while read -r sha path; do
    printf '%s  %s\n' "$sha" "$path" | sha256sum --check --status --strict && continue
    echo "cosmos: $path is damaged: its sha256 is not $sha" >&3
    blob=../../blobs/${sha:0:2}/$sha
    [[ ! $blob -ef $path ]] || rm -f -- "$blob"
  done <inputs.sha256
}

reserve() { # space for the exit record, so that a full disk cannot hide how the run ended
  printf '%-400s\n' '' >exit.tmp
}

record() { # the exit record; $1: stage
  local stopped=false line
  if [[ -n $interrupted && -f stop ]] && ! $timed_out; then stopped=true; fi
  now
  printf -v line '{"code":%d,"started_at":%s,"ended_at":%s,"boot_id":"%s","stage":"%s","timed_out":%s,"stopped":%s}' \
    "$code" "$began" "$at" "$boot" "$1" "$timed_out" "$stopped"
  printf '%-400s\n' "$line" 1<>exit.tmp
  sync exit.tmp
  mv -fT -- exit.tmp exit.json || mv -fT -- exit.tmp exit.json
  exit 0
}

claim
reserve
if ((inputs)); then
  in_group verify
  if [[ -z $told$ending ]] && ((code != 0)); then
    discard_damaged
    record verify
  fi
fi
code=143 interrupted=$told$ending
[[ -n $interrupted ]] || in_group program
record program
