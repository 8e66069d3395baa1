# shellcheck shell=bash disable=SC2154
# What this host has of what cosmos needs; hosts/check.py judges it. $1: the project's folder; $2: how many images
# follow; then the images; then how docker is called, or nothing. Prints lines of a word, a tab and a value.

root=$1 count=$2
shift 2
images=("${@:1:count}")
docker=("${@:count+1}")

say() { printf '%s\t%s\n' "$1" "${2//[$'\n\t']/ }"; }

programs() {
  local program
  for program in base64 cat chmod cp date dirname find flock grep head ln ls mkdir mv nproc realpath rm sed setsid \
    sha256sum sort stat sync tail tar tee timeout touch tr wc xargs; do
    command -v "$program" >/dev/null || say missing "$program"
  done
}

folder() {
  local errors probe=$root/.check.$$
  if errors=$({ mkdir -p -- "$root" && echo x >"$probe" && ln -f -- "$probe" "$probe.link"; } 2>&1); then
    say folder "$root"
  else
    say folder_error "$errors"
  fi
  # As run.sh holds a GPU. NFS wants a descriptor that may write for it
  if [[ -f $probe ]] && command -v flock >/dev/null && ! errors=$(flock -x -w 5 6 6<"$probe" 2>&1); then
    say lock_error "${errors:-it took too long}"
  fi
  rm -f -- "$probe" "$probe.link"
  say disk "$(stat -f -c '%a %b %S' -- "$root" 2>/dev/null)"
}

engine() {
  local version image errors
  if ! version=$(timeout -k 5 20 "${docker[@]}" version --format '{{.Server.Version}}' 2>&1); then
    say docker_error "${version##*$'\n'}"
    return
  fi
  say docker "$version"
  say live_restore "$(timeout -k 5 20 "${docker[@]}" info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)"
  for image in "${images[@]}"; do
    if timeout -k 5 20 "${docker[@]}" image inspect -- "$image" >/dev/null 2>&1; then
      say image "$image"
      present=$image
    else
      say image_missing "$image"
    fi
  done
}

ask() { # said: what docker says to "${@:2}" within $1 seconds; fails as it does. A signal interrupts `wait`, not $()
  exec 6< <(exec timeout -k 5 "$1" "${docker[@]}" "${@:2}" 2>&1)
  asked=$!
  wait "$asked"
  local code=$?
  said=$(cat <&6)
  return "$code"
}

remove_probe() { # by what only it can have: anybody may use a name
  local id
  for id in $(timeout -k 5 20 "${docker[@]}" ps -aq --no-trunc --filter "label=cosmos.check=$token" 2>/dev/null); do
    timeout -k 5 60 "${docker[@]}" rm --force "$id" >/dev/null 2>&1
  done
}

gpu_container() { # the only proof that containers get GPUs is one that does; it runs `true` and is removed
  local id asked said=''
  token=$$.$RANDOM.$RANDOM.$at
  trap '[[ -n $id ]] || wait "$asked"; remove_probe; exit 143' TERM INT HUP
  if id='' && ask 60 create --label "cosmos.check=$token" --pull never --network none --gpus all \
    --entrypoint true -- "$1" && id=$(grep -xE '[0-9a-f]{64}' <<<"$said"); then
    if ask 60 start "$id" || [[ $said == *'executable file not found'* ]]; then said=''; else said=${said:-docker gave no reason}; fi
  else
    said=${said:-docker gave no reason}
  fi
  trap - TERM INT HUP
  remove_probe
  if [[ -z $said ]]; then say gpu_container "$1"; else say gpu_error "$(grep -m 1 '[Ee]rror' <<<"$said" || echo "$said")"; fi
}

present=''
now
say clock "$at"
say bash "$BASH_VERSION"
say user "$(id -un) ($(id -u))"
programs
folder
((${#docker[@]} == 0)) || engine
if command -v nvidia-smi >/dev/null; then
  if gpus=$(timeout -k 5 20 nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>&1); then
    while read -r line; do say gpu "$line"; done <<<"$gpus"
    [[ -z $present ]] || gpu_container "$present"
  else
    say driver_error "${gpus%%$'\n'*}"
  fi
fi
