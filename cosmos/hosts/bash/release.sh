# shellcheck shell=bash disable=SC2015,SC2034,SC2154
# Remove the run directory of a batch that has ended, and its container where it had one: the runtime of a host may be
# changed. $1: the project's folder; $2: batch id.

runtime=process dir=$1/batches/$2 gone=$1/batches/.gone-$2

find_docker() { # docker: how it is called here, which is not configured for processes. Fails where there is none
  docker=(docker)
  command -v docker >/dev/null || return 1
  if ! timeout -k 5 20 docker ps -q >/dev/null 2>&1 && timeout -k 5 20 sudo -n docker ps -q >/dev/null 2>&1; then
    docker=(sudo -n docker)
  fi
}

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
  prepared_for "$dir"
  if [[ $by == container ]]; then
    if find_docker; then
      errors=$(remove_container "$dir" "$2" 2>&1) || refuse "batch $2 had a container: ${errors##*$'\n'}"
    else
      printf '%s' "there is no docker any more: the container cosmos-$2 stays, if it is still there"
    fi
  fi
fi
move_away "$dir" "$gone"
