# shellcheck shell=bash disable=SC2015,SC2154
# Remove the run directory of a batch that has ended. $1: the project's folder; $2: batch id.

dir=$1/batches/$2 gone=$1/batches/.gone-$2
if [[ -e $dir || -L $dir ]]; then
  boot_id && cd -P -- "$dir" || refuse "cannot enter $dir"
  [[ -e claim ]] || ln -T -- batch.json claim 2>/dev/null # never started: now it cannot be. Works on a full disk
  refuse_other . "$2"
  read_claim .
  if ! is_record exit.json; then
    ! leads || refuse "batch $2 runs: stop it before it is released"
    look_around
    find_members "$PWD"
    ((${#members[@]} == 0)) || refuse "batch $2 has ${#members[@]} processes left: stop it before it is released"
  fi
  cd /
fi
move_away "$dir" "$gone"
