# shellcheck shell=bash disable=SC2015,SC2034,SC2154,SC2317
# The rest of every run.sh. The part before it, made for one batch, sets `limit`, `stall` (0: any) and `grace` (hundredths
# of a second), `inputs` (how many there are in inputs.sha256), `gpus` (the lock file of each), `needed`, `secrets`,
# `repository` and `commit` (see preflight), `ports` (see find_ports), and the function `program`.
#
# One loop that only ever sleeps for moments, instead of timers in the background: a signal that comes between
# two statements is seen at the next turn, and nothing of ours is left over when this process is killed.

cd -P -- "$(dirname -- "$0")" || exit 70
exec </dev/null 3>>run.log >/dev/null 2>&1 || exit 70

told='' child='' ending='' interrupted='' timed_out=false stalled=false watched='' kill_at='' stamp_at=0 stamped='' members=() files=() sums=() all_sums=()
declare -A seen=()
forever=$((100 * 86400 * 365 * 10)) # hundredths of a second
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
  local ends_at stalls_at looks_at turned_at
  uptime
  ends_at=$((up + limit)) stalls_at=$((up + stall)) looks_at=$up turned_at=$up
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
  [[ -z $watched || -n $told$ending ]] || find_stall
  [[ -z $told ]] || end
  if [[ -n $kill_at ]] && ((up >= kill_at)); then kill -KILL -- "-$child"; fi
}

find_stall() { # every few seconds; time in which this process itself did not run (a pause, a laptop that slept) does not count
  local size grown
  ((up - turned_at < 1000)) || stalls_at=$((stalls_at + up - turned_at))
  turned_at=$up
  ((up >= looks_at)) || return 0
  looks_at=$((up + (stall > 4000 ? 500 : stall / 8 + 1)))
  size=$(stat -c %s run.log)
  grown=$size\|$(du -s --apparent-size --block-size=1 --time --time-style=+%s.%N outputs)
  if [[ $grown != "$watched" ]]; then
    watched=$grown stalls_at=$((up + stall))
  elif ((up >= stalls_at)); then
    echo "cosmos: neither log nor outputs grew for $((stall / 100)) s" >&3
    stalled=true
    end
  fi
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

open_locks() { # who was started in advance waits at them, in the kernel, until the batch before it has ended, however
  # it ended. They belong to open files: they stay with this process, and with what the program leaves alive
  local gpu file
  code=127
  command -v flock >/dev/null || {
    echo 'cosmos: there is no program flock (package util-linux), which a run with GPUs needs' >&3
    record program
  }
  for gpu in "${gpus[@]}"; do
    { exec {file}<"$gpu"; } 2>&3 || record program
    files+=("$file")
  done
}

lock_gpus() {
  local file
  for file in "${files[@]}"; do flock -x "$file" || return; done
}

preflight() { # what the host must have, before anything of it is used: a wrong answer after an hour costs an hour
  local i size head='' name line
  code=1
  for ((i = 0; i < ${#needed[@]}; i += 2)); do
    [[ -e ${needed[i]} ]] || lacks "missing file: ${needed[i]} is not there"
    ((needed[i + 1])) || continue
    size=$(stat -L -c %s -- "${needed[i]}")
    ((size >= needed[i + 1])) || lacks "missing file: ${needed[i]} has $size bytes, and must have ${needed[i + 1]}"
  done
  for ((i = 0; i < ${#secrets[@]}; i += 2)); do
    [[ -n ${secrets[i + 1]} ]] || lacks "missing secret: no file is configured for ${secrets[i]}"
    [[ -s ${secrets[i + 1]} && -r ${secrets[i + 1]} ]] || lacks "missing secret: the file of ${secrets[i]} is empty, or cannot be read"
  done
  [[ -n $repository ]] || return 0
  read -r head <"$repository/.git/HEAD"
  if [[ $head == 'ref: '* ]]; then
    name=${head#ref: } head=''
    read -r head <"$repository/.git/$name"
    while [[ -z $head ]] && read -r line size; do [[ $size != "$name" ]] || head=$line; done <"$repository/.git/packed-refs"
  fi
  [[ $head == "$commit"* ]] || lacks "other commit: $repository is at ${head:-no commit}, and must be at $commit"
}

find_ports() { # after the wait for the GPUs: who held these may have held a port, too
  local file address state port
  code=1
  for file in /proc/net/tcp /proc/net/tcp6; do
    while read -r _ address _ state _; do
      [[ $state == 0A ]] || continue # it listens
      for port in "${ports[@]}"; do
        ((16#${address##*:} != port)) || lacks "port in use: something listens on port $port already"
      done
    done <"$file"
  done
}

lacks() { # end this run: its judge reads the words before the first colon
  echo "cosmos: $1" >&3
  record preflight
}

export_secret() { # variable $1 from file $2, without the line end
  local value
  value=$(<"$2") || exit 126
  export "$1=$value"
}

verify() { # the lines of `sums`
  sha256sum --check --status --strict <(printf '%s\n' "${sums[@]}")
}

look_at_inputs() { # seen: of each input, by its path, what changes with its bytes
  local line paths=() data links path
  seen=()
  for line in "${all_sums[@]}"; do paths+=("${line:66}"); done
  while IFS='|' read -r data links path; do
    seen[$path]=$data\|$links
  done < <(stat -L -c '%i %s %y|%h %z|%n' -- "${paths[@]}")
}

find_changed() { # sums: those of inputs that may be others than were verified
  local line path
  local -A before=()
  for path in "${!seen[@]}"; do before[$path]=${seen[$path]}; done
  look_at_inputs
  sums=()
  for line in "${all_sums[@]}"; do
    is_same "${before[${line:66}]:-}" "${seen[${line:66}]:-}" || sums+=("$line")
  done
}

is_same() { # A run that shares the input makes a link to it, or removes one: this changes the ctime and the count of links
  local data=${1%|*} links=${1#*|} links_now=${2#*|}
  [[ -n $1 ]] || return 1
  [[ $1 == "$2" ]] || [[ $data == "${2%|*}" && ${links%% *} != "${links_now%% *}" ]]
}

use_inputs() { # verify those in `sums`; a damaged one ends this run
  in_group verify
  [[ -z $told$ending ]] && ((code != 0)) || return 0
  discard_damaged
  record verify
}

discard_damaged() { # so that the next look finds the blob missing and it is uploaded again
  local sha path blob
  while read -r sha path; do
    printf '%s  %s\n' "$sha" "$path" | sha256sum --check --status --strict && continue
    echo "cosmos: $path is damaged: its sha256 is not $sha" >&3
    blob=../../blobs/${sha:0:2}/$sha
    [[ ! $blob -ef $path ]] || rm -f -- "$blob"
  done < <(printf '%s\n' "${sums[@]}")
}

reserve() { # space for the records, so that a full disk cannot hide when the program began, how it ended and why
  printf '%-400s\n' '' >exit.tmp
  printf '%-40s\n' '' >began.tmp
  printf '%-4096s\n' '' >last.tmp
}

begin() { # the inputs are verified, the wait for the GPUs is over
  now
  began=$at
  printf '%-40s\n' "$at" 1<>began.tmp
  mv -fT -- began.tmp began
}

count_kills() { # kills: how many processes of our control group the kernel has ended to free memory
  local file word count
  kills=0
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    while read -r word count; do [[ $word != oom_kill ]] || kills=$count; done <"$file"
  done
}

explain() { # what a program that failed could not say itself, and core/reasons.py has a word for
  local free
  ((code)) || return 0
  count_kills
  ((kills == kills_before)) || echo 'cosmos: out of memory: the kernel ended a process to free some' >&3
  free=$(stat -f -c %a .)
  rm -f last.tmp
  ((free >= 16)) || echo 'cosmos: No space left on device' >&3
}

record() { # the exit record; $1: stage
  local stopped=false by_others=false line
  if [[ -n $interrupted ]] && ! $timed_out && ! $stalled; then
    if [[ -f stop ]]; then stopped=true; else by_others=true; fi
  fi
  now
  printf -v line '{"code":%d,"started_at":%s,"ended_at":%s,"boot_id":"%s","stage":"%s","timed_out":%s,"stopped":%s' \
    "$code" "$began" "$at" "$boot" "$1" "$timed_out" "$stopped"
  line+=",\"interrupted\":$by_others,\"stalled\":$stalled}"
  printf '%-400s\n' "$line" 1<>exit.tmp
  rm -f last.tmp
  sync exit.tmp
  mv -fT -- exit.tmp exit.json || mv -fT -- exit.tmp exit.json
  exit 0
}

claim
reserve
preflight
if ((inputs)); then # while the GPUs still compute for another batch; afterwards a look tells whether that still holds
  mapfile -t all_sums <inputs.sha256
  sums=("${all_sums[@]}")
  look_at_inputs
  use_inputs
fi
if ((${#gpus[@]})) && [[ -z $told$ending ]]; then
  open_locks
  limit=$forever in_group lock_gpus
  if [[ -z $told$ending ]] && ((code != 0)); then
    echo 'cosmos: the GPUs of this run could not be locked' >&3
    record program
  fi
  if ((inputs)) && [[ -z $told$ending ]]; then
    find_changed
    ((${#sums[@]} == 0)) || use_inputs
  fi
fi
[[ -n $told$ending ]] || ((${#ports[@]} == 0)) || find_ports
[[ -n $told$ending ]] || begin
code=143 interrupted=$told$ending
count_kills
kills_before=$kills
if [[ -z $interrupted ]]; then
  ((stall == 0)) || watched=program
  in_group program
fi
explain
record program
