# shellcheck shell=bash disable=SC2015
# Receive many small blobs. $1: the blobs folder; $2: name of a folder for them on their way; $3: receive.py. On stdin a
# tar of files named ab/SHA256. Those that are whole become blobs; of the others it prints `bad SHA256`.

cd -P -- "$1" || refuse "cannot enter $1"
new=$PWD/.part/$2
by_python "$new" "$3" "$2"
give_up() {
  rm -rf -- "$new"
  refuse "$1"
}
mkdir -- "$new" && tar -x -f - -C "$new" --no-same-owner || give_up "cannot write blobs"
cd -P -- "$new" || give_up "cannot enter $new"
said=$(
  find -P . -type f -printf '%f *%p\n' | sha256sum --check --quiet 2>/dev/null
  codes=("${PIPESTATUS[@]}")
  ((codes[0] == 0)) && exit "${codes[1]}"
  exit 2
)
code=$? # 1 with names tells which are damaged; with anything else they were not all read
[[ $code == 0 || ($code == 1 && -n $said) ]] || give_up "cannot verify blobs"
while read -r name _; do
  name=${name%:} # of lines `NAME: FAILED`
  [[ -z $name ]] || { rm -f -- "$name" && echo "bad ${name##*/}"; } || give_up "cannot remove a damaged blob"
done <<<"$said"
if ! cp -rlT --remove-destination -- . ../.. 2>/dev/null; then # a file system without links: a rename leaves no half of one
  find -P . -type f -printf '%P\n' | while read -r name; do
    mkdir -p -- "../../${name%/*}" && mv -fT -- "$name" "../../$name" || exit
  done || give_up "cannot place blobs"
fi
cd ../.. && rm -rf -- "$new"
