# shellcheck shell=bash disable=SC2013,SC2015
# Before an upload. $1: the blobs folder; $2: the folder for what is on its way; on stdin a sha256 a line.
# Prints the free bytes, then size and path of each blob that is there.

mkdir -p -- "$2" && cd -P -- "$1" || refuse "cannot make $2"
find -P "$2" -type f -mmin +60 -delete 2>/dev/null # left by uploads that were cut off
read -r blocks size <<<"$(stat -f -c '%a %S' .)"
echo "$((blocks * size))"
there=()
for sha in $(cat); do
  [[ ! -f ${sha:0:2}/$sha ]] || there+=("${sha:0:2}/$sha")
done
((${#there[@]} == 0)) || printf '%s\n' "${there[@]}" | xargs stat -c '%s %n' --
