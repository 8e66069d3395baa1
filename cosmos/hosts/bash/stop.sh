# shellcheck shell=bash disable=SC2015,SC2154
# End every process of a batch. $1: the run directory; $2: batch id; $3: grace in hundredths of a second.

grace=$3 id=$2
boot_id && now

end_strays() { # the directory is gone; processes that were started in it still carry its name, run.sh ends with its program
  local turn gone
  gone=$(realpath -m -- "$1") pid=0
  for ((turn = 0; turn < 200; turn++)); do
    look_around
    find_members "$gone"
    ((${#members[@]})) || exit 0
    kill -KILL "${members[@]}" 2>/dev/null
    pause 0.05
  done
  refuse "processes ${members[*]} of batch $id do not end (waiting for a device?)"
}

if ! cd -P -- "$1" 2>/dev/null; then
  [[ ! -e $1 ]] || refuse "cannot enter $1"
  end_strays "$1"
fi

members_left() {
  look_around
  find_members "$PWD"
  if leads; then members+=("$pid"); fi
  ((${#members[@]}))
}

wait_for() { # until no process is left, or for $1 hundredths of a second
  uptime
  local end=$((up + $1))
  while members_left; do
    uptime
    ((up < end)) || return 1
    pause 0.05
  done
}

[[ -e claim || -e exit.json ]] || forbid
[[ -e claim || -e exit.json ]] || refuse "cannot write to $1"
refuse_other . "$id"
if read_claim . && ((pid == 0)) && ! is_record exit.json; then never_ran; fi
members_left || exit 0

write_stop
if leads; then
  kill -TERM "$pid"
  kill -CONT "$pid"
  grace=$((grace + 300)) # run.sh ends its program by itself, and then has its record to write
else
  kill -TERM "${members[@]}"
  kill -CONT "${members[@]}"
fi 2>/dev/null
wait_for "$grace" && exit 0

find_members "$PWD" # all but run.sh, which is given time for its record
((${#members[@]})) && kill -KILL "${members[@]}" 2>/dev/null
wait_for 500 && exit 0
kill -KILL "${members[@]}" 2>/dev/null
wait_for 1000 || refuse "processes ${members[*]} of batch $id do not end (waiting for a device?)"
