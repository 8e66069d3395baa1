# shellcheck shell=bash disable=SC2034,SC2154
# One look. $1: the project's folder; $2: longest record file that is read, in bytes; on stdin a sha256 a line.
# Prints records of NUL-separated fields, then lines; hosts/parse.py has their shapes. Whatever cannot be looked
# at ends the look: an empty answer must mean that nothing is there.

root=$1 largest=$2

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
  timeout 20 nvidia-smi --query-gpu=uuid,name,memory.total,memory.used,utilization.gpu --format=csv,noheader,nounits
}

host() {
  local space near=$root
  while ! is_folder "$near"; do near=$(dirname -- "$near"); done
  space=$(stat -f -c '%a %b %S' -- "$near" 2>&1) || refuse "$space"
  now
  printf '%s\0' host "$boot" "$at" "$space"
}

blobs() {
  local sha
  is_folder "$root/blobs" || return 0
  for sha in $1; do
    [[ ! -f $root/blobs/${sha:0:2}/$sha ]] || printf '%s\0' blob "$sha"
  done
}

life() { # of a batch without an exit record: does its leader live, what outlives it, the end of its log
  local alive=0 left=0 tail='' members=()
  if [[ ! -e $1/claim ]]; then
    alive=2 # if there is a claim among the records, it was made during this look: that is no proof of death
  elif read_claim "$1" && leads; then
    alive=1
    tail=$(tail -c 4096 -- "$1/run.log" 2>/dev/null | base64 -w 0)
  else
    ((looked)) || look_around
    looked=1
    find_members "$PWD/$1"
    left=${#members[@]}
  fi
  printf '%s\0' life "$1" "$alive" "$left" "$tail"
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
    [[ -f $id/exit.json ]] || life "$id"
  done
  find_all \( -name batch.json -o -name claim -o -name exit.json -o -name run.log \) -printf 'file\0%P\0%s\0'
  printf 'texts\0'
  find_all \( -name batch.json -o -name claim -o -name exit.json \) -size "-${largest}c" -print0 |
    xargs -0 -r grep -aHZsm 1 ''
  ((PIPESTATUS[0] == 0)) || exit 3
  for id in $ids; do
    [[ -d $id ]] || printf '%s\n' "$id" # released while we looked
  done
}

wanted=$(cat)
exec 8< <(gpus 2>/dev/null; echo "status $?")
boot_id
host
is_folder "$root" && blobs "$wanted"
while IFS= read -r -u 8 line; do printf '%s\0' gpu "$line"; done
if is_folder "$root" && is_folder "$root/batches"; then batches; else printf 'texts\0'; fi
printf 'end\n'
