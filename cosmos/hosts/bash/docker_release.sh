# shellcheck shell=bash disable=SC2034,SC2154
# Remove the container and the run directory of a batch that has ended. $1: the project's folder; $2: batch id; the
# rest: how docker is called. Nothing that lives is removed.

top=$1 id=$2
shift 2
docker=("$@")
discard_damaged() { # inputs that run.sh refused: a container cannot reach the blobs. The next look finds them missing
  local sha path
  cd -P -- "$1" || return
  while read -r sha path; do
    printf '%s  %s\n' "$sha" "$path" | sha256sum --check --status --strict && continue
    [[ ! ../../blobs/${sha:0:2}/$sha -ef $path ]] || rm -f -- "../../blobs/${sha:0:2}/$sha"
  done <inputs.sha256
  cd /
}

refuse_other "$top/batches/$id" "$id"
remove_container "$top/batches/$id" "$id"
record=$top/batches/$id/exit.json
if is_record "$record" && grep -qsF '"stage":"verify"' -- "$record"; then discard_damaged "$top/batches/$id"; fi
move_away "$top/batches/$id" "$top/batches/.gone-$id"
