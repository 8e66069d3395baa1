# shellcheck shell=bash disable=SC2015,SC2154
# End the container of a batch. $1: the run directory; $2: batch id; $3: grace in hundredths of a second; the rest: how
# docker is called. run.sh forwards TERM and writes its record; a container that never ran is removed.

dir=$1 id=$2 grace=$3
shift 3
docker=("$@")
boot_id && now
find_container "$dir" "$id" # one that is not ours ends it here, with nothing done
if cd -P -- "$dir" 2>/dev/null; then
  [[ -e claim || -e exit.json ]] || forbid
  [[ -e claim || -e exit.json ]] || refuse "cannot write to $dir"
  refuse_other . "$id"
  if read_claim . && ((pid == 0)) && ! is_record exit.json; then never_ran; fi
  write_stop
elif [[ -e $dir ]]; then
  refuse "cannot enter $dir"
fi
find_container "$dir" "$id"
case $state in
  '') ;;
  created) timeout -k 5 30 "${docker[@]}" rm "cosmos-$id" >/dev/null 2>&1 || refuse "the container of $id cannot be removed" ;;
  exited | dead) ;;
  *)
    seconds=$((grace / 100 + 3)) # run.sh keeps the grace itself, and then has its record to write
    errors=$(timeout -k 5 $((seconds + 30)) "${docker[@]}" stop --time "$seconds" "cosmos-$id" 2>&1 >/dev/null) ||
      refuse "the container of $id does not end: ${errors##*$'\n'}"
    ;;
esac
