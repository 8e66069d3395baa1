# shellcheck shell=bash disable=SC2013,SC2015,SC2154
# Before an upload. $1: the blobs folder; on stdin a sha256 a line. Prints the free bytes; then for each that is there
# its size and `blob SHA256`; for each that is not, of the parts that a cut upload left the longest: its size, `part`,
# the sha256 of the part and its name.

mkdir -p -- "$1/.part" && cd -P -- "$1" || refuse "cannot make $1"
find -P .part -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf -- {} + 2>/dev/null # given up long ago
read -r blocks size <<<"$(stat -f -c '%a %S' .)"
echo "$((blocks * size))"
there=() parts=()
declare -A told
shopt -s nullglob
for sha in $(cat); do
  if [[ -f ${sha:0:2}/$sha ]]; then there+=("${sha:0:2}/$sha"); else parts+=(".part/$sha".*); fi
done
((${#there[@]} == 0)) || printf '%s\0' "${there[@]}" | xargs -0 stat -c '%s %n' -- | sed 's| ../| blob |'
((${#parts[@]} == 0)) || printf '%s\0' "${parts[@]}" | xargs -0 stat -c '%s %n' -- | sort -rn |
  while read -r size name; do
    sha=${name#.part/} sha=${sha%%.*}
    [[ $size -gt 0 && -z ${told[$sha]:-} && -f $name && ! -L $name ]] || continue
    told[$sha]=1
    sum_of "$name" && echo "$size part $sum ${name#.part/}"
  done
