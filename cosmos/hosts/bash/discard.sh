# shellcheck shell=bash disable=SC2154
# Remove what nobody uses. $1: the project's folder; $2: seconds. On stdin lines `unused SHA256` (a blob: removed when for
# so long nobody has touched or linked it, and nothing links it), `damaged SHA256` (a blob: removed when its bytes are
# others) and `leftover PATH` (removed when nothing in it has changed for so long). Prints what it removed: the second
# words. Each is judged once more here, since it may have been used after it was listed.

[[ -e $1 ]] || exit 0
cd -P -- "$1" || refuse "cannot enter $1"
now
before=$((${at%.*} - $2))

is_unused() { # a link that is made after this keeps the bytes
  local changed links
  read -r changed links <<<"$(stat -c '%Z %h' -- "$1" 2>/dev/null)"
  [[ -n $links ]] && ((links == 1 && changed <= before))
}

is_damaged() {
  sum_of "$1" 2>/dev/null && [[ $sum != "$2" ]]
}

is_left() {
  [[ -e $1 || -L $1 ]] && [[ -z $(find -P "$1" -newerct "@$((before + 1))" -print -quit 2>/dev/null) ]]
}

while read -r kind name; do
  path=blobs/${name:0:2}/$name
  case $kind in
    unused) [[ -f $path ]] && is_unused "$path" || continue ;;
    damaged) [[ -f $path ]] && is_damaged "$path" "$name" || continue ;;
    leftover) path=$name && is_left "$path" || continue ;;
  esac
  rm -rf -- "$path" || refuse "cannot remove $path"
  echo "$name"
done
