# shellcheck shell=bash disable=SC2154
# Return when a batch may have ended. $1: the project's folder; $2: seconds to wait at most; $3: how many batch ids
# follow; then how docker is called. One stream of docker's events; what came between the look and it is replayed, and
# so are ends that the look has seen: of a batch that is not among ours and had ended before. A stream that breaks off
# is a failure: it would be begun again at once, and break off again, for as long as docker is not well.

root=$1 seconds=$2 count=$3
shift 3
since=$(date +%s)
shopt -s nullglob
declare -A ours over
for id in "${@:1:count}"; do
  [[ -d $root/batches/$id ]] && ! is_record "$root/batches/$id/exit.json" || exit 0
  ours[$id]=1
done
for record in "$root"/batches/*/exit.json; do
  id=${record%/exit.json}
  ! is_record "$record" || over[${id##*/}]=1
done
docker=("${@:count+1}")
real=$(realpath -m -- "$root")
exec 6< <(exec timeout "$seconds" "${docker[@]}" events --since "$((since - 1))" --filter type=container \
  --filter event=die --filter "label=cosmos.root=$real" --format '{{index .Actor.Attributes "cosmos.batch"}}' 2>/dev/null)
stream=$!
while read -r -u 6 id; do
  [[ -z ${ours[${id:-none}]:-} && (-n ${over[${id:-none}]:-} || ! -d $root/batches/$id) ]] && continue
  kill "$stream" 2>/dev/null
  exit 0
done
wait "$stream"
code=$?
((code == 124)) || refuse "docker's events broke off (status $code)" # 124: the time is over
