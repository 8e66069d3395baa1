# shellcheck shell=bash disable=SC2154
# Read blobs. $1: the blobs folder; on stdin a sha256 a line. Prints those that are there and have other bytes, or
# cannot be read.

cd -P -- "$1" 2>/dev/null || exit 0
while read -r sha; do
  blob=${sha:0:2}/$sha
  [[ -f $blob ]] || continue
  sum_of "$blob" 2>/dev/null && [[ $sum == "$sha" ]] || [[ ! -f $blob ]] || echo "$sha"
done
