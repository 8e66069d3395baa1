# shellcheck shell=bash disable=SC2034,SC2154
# Put after common.sh where batches are containers, or may have been. `docker` is how it is called: `docker`, or `sudo -n docker`.

runtime=container

no_answer() { # $1: what docker said
  refuse "docker does not answer: $([[ -z $1 ]] && echo 'it took too long' || echo "${1##*$'\n'}")"
}

list_containers() { # $1: format; the rest: filters. A failure is told, and is not an empty list
  local errors
  { errors=$(timeout -k 5 20 "${docker[@]}" ps -a --no-trunc --format "$@" 2>&1 >&6); } 6>&1 && return
  no_answer "$errors"
}

inspect() { # how container $1 ended, in words
  local code killed error
  IFS='|' read -r code killed error < <(timeout -k 5 20 "${docker[@]}" inspect --type container \
    --format '{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.State.Error}}' "$1" 2>/dev/null)
  [[ $killed != true ]] || printf 'OOMKilled, '
  [[ -z ${code:-} ]] || printf 'container exited with %s%s' "$code" "${error:+: $error}"
}

find_container() { # root, as labels name it; state of the container of batch $2 in run directory $1, empty where there is none
  local line
  root=${1%/batches/*}
  root=$(realpath -m -- "$root")
  line=$(list_containers '{{.State}}|{{.Label "cosmos.batch"}}|{{.Label "cosmos.root"}}' --filter "name=^/cosmos-$2\$") || exit 3
  state=${line%%|*}
  [[ -z $line || ${line#*|} == "$2|$root" ]] ||
    refuse "the container cosmos-$2 is not of this project and work directory; it is left alone: remove it, or rename the project"
}

remove_container() { # of batch $2 in run directory $1. Nothing that lives is removed
  local errors
  find_container "$1" "$2"
  case $state in
    '') return ;;
    created | exited | dead) ;;
    *)
      is_record "$1/exit.json" || refuse "batch $2 runs: stop it before it is released"
      timeout -k 5 20 "${docker[@]}" wait "cosmos-$2" >/dev/null 2>&1 # it has written its record, and is about to end
      ;;
  esac
  if [[ -d $1 && ! -e $1/claim ]]; then ln -T -- "$1/batch.json" "$1/claim" 2>/dev/null; fi # never started: now it cannot be
  errors=$(timeout -k 5 60 "${docker[@]}" rm "cosmos-$2" 2>&1 >/dev/null) || refuse "the container of $2: ${errors##*$'\n'}"
}
