# shellcheck shell=bash disable=SC2034,SC2154
# One look. $1: the project's folder; $2: longest record file that is read, in bytes; the rest: how docker is called,
# or nothing where batches are processes; on stdin a sha256 a line.
# Prints records of NUL-separated fields, then lines; hosts/parse.py has their shapes. Whatever cannot be looked
# at ends the look: an empty answer must mean that nothing is there.

root=$1 largest=$2
shift 2
docker=("$@")
declare -A state_of=() name_of=() is_own=()

is_folder() { # fails when there is no $1; anything but a folder that can be read is refused
  local what
  if what=$(stat -L -c %F -- "$1" 2>&1); then
    [[ $what == directory ]] || refuse "$1 is no folder but a $what"
    [[ -r $1 && -x $1 ]] || refuse "$1: Permission denied"
    return 0
  fi
  [[ $what == *'No such file or directory' && ! -L $1 ]] || refuse "$what"
  return 1
}

gpus() {
  command -v nvidia-smi >/dev/null || return 0
  timeout 20 nvidia-smi --format=csv,noheader,nounits --query-gpu="index,uuid,name,memory.total,memory.used,\
utilization.gpu,temperature.gpu,power.draw,driver_version"
}

apps() { # who computes on the GPUs
  command -v nvidia-smi >/dev/null || return 0
  timeout 20 nvidia-smi --format=csv,noheader,nounits --query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory
}

owner() { # the line that says whose the folder is, `?` where it cannot be one
  local line='' file=$root/controller.json
  if is_record "$file"; then
    [[ -r $file ]] || refuse "$file: Permission denied"
    IFS=' ' read -r line <"$file" || :
  elif [[ -e $file || -L $file ]]; then
    line='?'
  fi
  printf '%s\0' owner "$line"
}

host() {
  local space near=$root
  while ! is_folder "$near"; do near=$(dirname -- "$near"); done
  space=$(stat -f -c '%a %b %S' -- "$near" 2>&1) || refuse "$space"
  now
  printf '%s\0' host "$boot" "$at" "$space" "$(nproc)"
}

containers() { # state_of each of ours, by name; name_of every other one and is_own, by id. Only a list that came whole
  # shows absence
  local line id name state label
  while IFS= read -r line; do
    IFS='|' read -r id state name label <<<"$line"
    if [[ $label == "$root" ]]; then state_of[$name]=$state is_own[$id]=1; else name_of[$id]=$name; fi
  done < <(list_containers '{{.ID}}|{{.State}}|{{.Names}}|{{.Label "cosmos.root"}}')
  wait "$!" || exit 3
}

is_ours() { # does a batch of this project run process $1?
  local word
  while IFS= read -r -d '' word; do
    [[ $word != "COSMOS_RUN_DIRECTORY=$root/batches/"* ]] || return 0
  done 2>/dev/null <"/proc/$1/environ"
  return 1
}

in_use() { # each line of `apps`, its status too, with who it is where it is not one of ours
  local line pid owner listed=''
  while IFS= read -r -u 7 line; do
    IFS=', ' read -r _ pid _ <<<"$line"
    owner=''
    if [[ $pid =~ ^[0-9]+$ ]]; then
      ! is_ours "$pid" || continue
      [[ $(cat "/proc/$pid/cgroup" 2>/dev/null) =~ [0-9a-f]{64} ]] && owner=${BASH_REMATCH[0]}
      if [[ -n $owner && -z $listed${is_own[$owner]:-}${name_of[$owner]:-} ]] && ((${#docker[@]})); then
        containers # it may have been started since
        listed=1
      fi
      [[ -z ${is_own[${owner:-none}]:-} ]] || continue # podman and another docker have containers that ours does not know
    fi
    printf '%s\0' app "$line" "${name_of[${owner:-none}]:-}"
  done
}

blobs() {
  local sha
  is_folder "$root/blobs" || return 0
  for sha in $1; do
    [[ ! -f $root/blobs/${sha:0:2}/$sha ]] || printf '%s\0' blob "$sha"
  done
}

look_again() { # at the container of batch $1, which has claimed and was not seen to begin: it was started since, or is lost.
  # docker calls a container created until a moment after its program began
  local turn
  for ((turn = 0; turn < 10; turn++)); do
    [[ ${state_of[cosmos-$1]:-created} == created ]] || return 0
    ((turn == 0)) || pause 0.1
    unset "state_of[cosmos-$1]"
    containers
    [[ -n ${state_of[cosmos-$1]:-} ]] && ! is_record "$1/exit.json" || return 0
  done
}

life() { # of a batch without an exit record: does it live, what outlives its leader, the end of its log, what is known
  local alive=0 left=0 tail='' known='' claimed='' members=()
  refuse_other "$1" "$1"
  if ((${#docker[@]})); then
    if [[ -e $1/claim ]]; then
      claimed=1
      look_again "$1"
    fi
    case ${state_of[cosmos-$1]:-} in
      running | paused | restarting) alive=1 ;;
      exited | dead) [[ ! -e $1/claim ]] || known=$(inspect "cosmos-$1") ;;
      *) [[ -n $claimed ]] || alive=2 ;;
    esac
  elif [[ ! -e $1/claim ]]; then
    alive=2 # if there is a claim among the records, it was made during this look: that is no proof of death
  elif read_claim "$1" && leads; then
    alive=1
  else
    ((looked)) || look_around
    looked=1
    find_members "$PWD/$1"
    left=${#members[@]}
  fi
  [[ $alive != 1 || -L $1/run.log ]] || tail=$(tail -c 4096 -- "$1/run.log" 2>/dev/null | base64 -w 0)
  printf '%s\0' life "$1" "$alive" "$left" "$tail" "$known"
}

find_all() { # find, for which a run directory that is released meanwhile is no failure. Its -ignore_readdir_race is not enough
  local errors
  { errors=$(find -P . -mindepth 2 -maxdepth 2 -type f ! -path $'*\n*' "$@" 2>&1 >&7); } 7>&1 && return
  ! printf '%s\n' "$errors" | grep -v ': No such file or directory$' >&2 || refuse "cannot list all of $root/batches"
}

batches() { # processes first, records after: what ends in between is then seen to have ended, not to be lost
  local ids='' id name names looked=0
  cd -P -- "$root/batches" || refuse "cannot enter $root/batches"
  names=$(ls -1U) || refuse "cannot list $root/batches"
  for name in $names; do
    [[ $name =~ ^[a-z0-9][a-z0-9_-]*$ && -d $name && ! -L $name ]] && ids+="$name "
  done
  for id in $ids; do
    printf '%s\0' batch "$id"
    is_record "$id/exit.json" || life "$id"
  done
  find_all \( -name batch.json -o -name claim -o -name began -o -name image -o -name exit.json -o -name run.log \) -printf 'file\0%P\0%s\0'
  printf 'texts\0'
  find_all \( -name batch.json -o -name claim -o -name began -o -name image -o -name exit.json \) -size "-${largest}c" -print0 |
    xargs -0 -r grep -aHZsm 1 ''
  ((PIPESTATUS[0] == 0)) || exit 3
  for id in $ids; do
    [[ -d $id ]] || printf '%s\n' "$id" # released while we looked
  done
}

wanted=$(cat)
exec 8< <(gpus 2>/dev/null; echo "status $?") 7< <(apps 2>/dev/null; echo "status $?")
boot_id
owner
host
! real=$(realpath -e -- "$root" 2>/dev/null) || root=$real # as our processes and containers name it
((${#docker[@]} == 0)) || containers
is_folder "$root" && blobs "$wanted"
while IFS= read -r -u 8 line; do printf '%s\0' gpu "$line"; done
in_use
if is_folder "$root" && is_folder "$root/batches"; then batches; else printf 'texts\0'; fi
printf 'end\n'
