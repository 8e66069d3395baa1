# shellcheck shell=bash disable=SC2015,SC2034,SC2154
# Put before every other script of this folder. Needs bash 4, coreutils, findutils, grep, and Linux's /proc.
# Functions answer in variables: a command substitution would fork, and a look reads thousands of files.

runtime=process never=''
declare -A crowd

refuse() { # a definite no, for the person who reads the message
  printf '%s\n' "$*" >&2
  exit 3
}

is_record() { # is there a file $1? A program may have put anything else in its place
  [[ -f $1 && ! -L $1 ]]
}

now() { # at: seconds since the epoch
  at=${EPOCHREALTIME:-$(date +%s.%N)}
  at=${at/,/.}
}

uptime() { # up: hundredths of a second since boot, which no change of the wall clock moves
  read -r up _ </proc/uptime
  up=$((10#${up/./}))
}

boot_id() { # boot: changes with every start of the machine
  IFS= read -r boot </proc/sys/kernel/random/boot_id
}

pause() { # wait for $1 seconds without a process: nothing ever writes to descriptor 9
  [[ -n $never ]] || exec 9<> <(:)
  never=open
  read -r -t "$1" -u 9 _ || :
}

process() { # state, sid, ticks (when it started) of process $1; fails when there is none
  local line more
  { IFS= read -r line && while IFS= read -r more; do line+=" $more"; done; } 2>/dev/null <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2206 # after the name in parentheses there are numbers and one letter
  local fields=(${line##*) })
  state=${fields[0]} sid=${fields[3]} ticks=${fields[19]}
}

read_claim() { # pid, pid_ticks, pid_boot from the claim in folder $1; fails, with pid 0, where none can be understood
  local text='' form='^\{"pid":([0-9]{1,10}),"start":([0-9]{1,20}),"boot":"([0-9a-f-]*)","at":[0-9.]+\}$'
  pid=0
  is_record "$1/claim" || return 1
  IFS= read -r text 2>/dev/null <"$1/claim"
  [[ $text =~ $form ]] || return 1
  pid=${BASH_REMATCH[1]} pid_ticks=${BASH_REMATCH[2]} pid_boot=${BASH_REMATCH[3]}
}

prepared_for() { # by: the runtime that run directory $1 was made for
  by=process
  if is_record "$1/create" && is_record "$1/image.name"; then by=container; fi
}

is_nobodys() { # is the claim in folder $1 one that was made so that the batch cannot start any more? See `forbid` and release
  if read_claim "$1"; then
    ((pid == 0))
  else
    [[ $1/claim -ef $1/batch.json ]] || { is_record "$1/claim" && [[ ! -s $1/claim ]]; }
  fi
}

refuse_other() { # where batch $2 in run directory $1 was started by another runtime: a claim of a container names no process
  # of this machine, nor has a process a container, so each would take the other for dead, and start it again
  local by
  [[ -e $1/claim || -L $1/claim ]] || return 0
  prepared_for "$1"
  [[ $by != "$runtime" ]] && ! is_nobodys "$1" && ! is_record "$1/exit.json" || return 0
  refuse "batch $2 on this host was started as a $by; set \`runtime\` back until it has ended"
}

leads() { # is the process that the claim names still there? A zombie is not, nor is a later holder of its number
  ((pid > 0)) && [[ $pid_boot == "$boot" ]] && process "$pid" && [[ $state != [ZX] && $ticks == "$pid_ticks" ]]
}

look_around() { # sid_of and mark_of (run directory) by pid, of every living process; ticks_of also has zombies
  local file number text
  sid_of=() mark_of=() ticks_of=() crowd=()
  for file in /proc/[0-9]*; do
    number=${file#/proc/}
    process "$number" || continue
    ticks_of[number]=$ticks
    [[ $state == [ZX] ]] || sid_of[number]=$sid crowd[$sid]=1
  done
  # A program may leave its session; the mark in its environment stays. Others' environments cannot be read, nor are ours.
  while IFS=: read -r file text; do
    number=${file#/proc/} number=${number%/environ}
    [[ -n ${sid_of[number]:-} ]] || continue
    text=${text#COSMOS_RUN_DIRECTORY=}
    mark_of[number]=$text crowd["$text"]=1
  done < <(grep -aHozsE '^COSMOS_RUN_DIRECTORY=/.+$' /proc/[0-9]*/environ | tr '\0' '\n')
}

find_members() { # members: living processes of run directory $1 (a path without links: another project may have a batch
  # of the same id), without its leader. Needs a look around and a read claim
  local number
  members=()
  [[ -n ${crowd[$pid]:-}${crowd[$1]:-} ]] || return 0
  for number in "${!sid_of[@]}"; do
    ((number == pid || number == $$)) && continue
    if [[ ${mark_of[number]:-} == "$1" ]] || in_session "$number"; then members+=("$number"); fi
  done
}

in_session() { # is process $1 of the session of the claim's leader, and not of one that was given its number later?
  ((pid > 0)) && [[ ${sid_of[$1]} == "$pid" && $pid_boot == "$boot" ]] &&
    [[ ${ticks_of[pid]:-$pid_ticks} == "$pid_ticks" ]]
}

write_new() { # line $2 as file $1; a link that a program put there is not followed
  rm -f -- "$1"
  (set -C && printf '%s\n' "$2" >"$1") 2>/dev/null
}

forbid() { # a claim by nobody: the batch cannot start any more. On a full disk the file stays empty, and claims as well
  write_new "claim.$$" "{\"pid\":0,\"start\":0,\"boot\":\"$boot\",\"at\":$at}"
  ln -T -- "claim.$$" claim 2>/dev/null
  rm -f -- "claim.$$"
}

never_ran() { # the exit record of a batch that nobody runs; where it cannot be written the claim has to do
  local line
  printf -v line '{"code":143,"started_at":%s,"ended_at":%s,"boot_id":"%s","stage":"program","timed_out":false,"stopped":true}' \
    "$at" "$at" "$boot"
  write_new exit.tmp "$line" && sync exit.tmp && mv -fT -- exit.tmp exit.json
}

write_stop() { # run.sh reads the grace from it, since its own may be another
  write_new stop "$grace"
}

move_away() { # remove run directory $1, by way of $2: first out of sight by one rename, so that a crash leaves no half of one
  if [[ -e $1 || -L $1 ]]; then
    rm -rf -- "$2" && mv -T -- "$1" "$2" || refuse "cannot move $1 away"
  fi
  rm -rf -- "$2"
}
