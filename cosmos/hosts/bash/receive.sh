# shellcheck shell=bash disable=SC2015
# Receive one blob. $1: the blobs folder; $2: its sha256; $3: its size; $4: name of the part to write; $5, $6: name and
# size of a part that it begins with, or '' and 0; $7: receive.py. On stdin the rest. Hashed as it comes, and a blob only
# if it is whole. Nothing is synced to the disk: run.sh verifies every input before its program starts.

cd -P -- "$1" || refuse "cannot enter $1"
sha=$2 size=$3 part=.part/$4
by_python "$part" "$7" "${@:2:5}"
if [[ -n $5 ]]; then # a copy: whoever wrote the old part may not have noticed yet that its connection is gone
  head -c "$6" -- ".part/$5" >"$part" && rm -f -- ".part/$5" || refuse "cannot go on from a part of blob $sha"
fi
set -o pipefail
if ! sum=$({ head -c "$6" -- "$part" 2>/dev/null; tee -a -- "$part"; } | sha256sum -b); then
  rm -f -- "$part"
  refuse "cannot write blob $sha"
fi
[[ $(stat -c %s -- "$part") == "$size" ]] || refuse "the upload of blob $sha was cut off"
if [[ ${sum%% *} != "$sha" ]]; then
  rm -f -- "$part"
  echo "bad $sha"
  exit 0
fi
mkdir -p -- "${sha:0:2}" && chmod 0444 -- "$part" && mv -fT -- "$part" "${sha:0:2}/$sha" || refuse "cannot place blob $sha"
