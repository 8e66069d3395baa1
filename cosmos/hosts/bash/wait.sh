# shellcheck shell=bash disable=SC2154
# Return when one of the batches may have ended. $1: the folder of run directories; $2: tenths of a second to
# wait at most; the rest: batch ids. Looks ten times a second and starts no process to do so.

root=$1 turns=$2
shift 2
boot_id

ended() {
  [[ ! -e $root/$1/exit.json && -d $root/$1 ]] || return 0
  read_claim "$root/$1" && ! leads
}

for ((turn = 0; turn < turns; turn++)); do
  for id; do
    ! ended "$id" || exit 0
  done
  pause 0.1
done
