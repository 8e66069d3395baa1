# shellcheck shell=bash disable=SC2154
# Return when a batch may have ended: one of those named, or one that is claimed while we wait. $1: the folder of run
# directories; $2: tenths of a second to wait at most; the rest: batch ids. Looks ten times a second and starts no
# process to do so.

turns=$2
cd -P -- "$1" || exit 0
shift 2
boot_id
shopt -s nullglob
declare -A live seen
for id; do live[$id]=1 seen[$id]=1; done

ended() {
  ! is_record "$1/exit.json" && [[ -d $1 ]] || return 0
  read_claim "$1" && ! leads
}

for ((turn = 0; turn < turns; turn++)); do
  for id in "${!live[@]}"; do
    ! ended "$id" || exit 0
  done
  for claim in */claim; do
    id=${claim%/claim}
    [[ -z ${seen[$id]:-} ]] || continue
    seen[$id]=1
    if ! is_record "$id/exit.json" && read_claim "$id" && leads; then live[$id]=1; fi
  done
  pause 0.1
done
