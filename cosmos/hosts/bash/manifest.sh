# shellcheck shell=bash disable=SC2015,SC2154
# Regular files below outputs/$2 of run directory $1, at most $3; from $6 on, patterns of those that are read (default:
# all). Prints NUL-separated: how many entries are neither such a file nor a folder, then size and name of each file, an
# empty field, then `sha256 *./name` of each that is read.
# What has a second hard link is not taken: it may be any file of the machine.

cd -P -- "$1" 2>/dev/null || refuse "there is no run directory $1"
for part in outputs "outputs/$2"; do
  if [[ ! -d $part || -L $part ]]; then
    printf '0\0\0'
    exit 0
  fi
done
cd -P -- "outputs/$2" || refuse "cannot enter outputs/$2"
list=(find -P . -type f -links 1)
count=$("${list[@]}" -printf x | wc -c)
((count <= $3)) || refuse "outputs/$2 has $count files; $3 are the most that are collected"
printf '%s\0' "$(find -P . ! -type d ! \( -type f -links 1 \) -printf x | wc -c)"
"${list[@]}" -printf '%s\0%P\0' || refuse "cannot list outputs/$2"
printf '\0'
if (($# > 5)); then
  list+=('(' -false)
  for name in "${@:6}"; do list+=(-o -path "./$name"); done
  list+=(')')
fi
set -o pipefail
"${list[@]}" ! -size "-${long}c" -print0 | while IFS= read -r -d '' name; do
  sum_of "$name" && printf '%s *%s\0' "$sum" "$name" || exit
done || refuse "cannot read all of outputs/$2"
"${list[@]}" -size "-${long}c" -print0 | xargs -0 -r sha256sum -b -z -- || refuse "cannot read all of outputs/$2"
