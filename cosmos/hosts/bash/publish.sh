# shellcheck shell=bash disable=SC2013,SC2015
# Make uploaded files blobs. $1: the blobs folder; $2: the folder they are in; on stdin lines `NAME SHA256`.

cd -P -- "$1" || refuse "cannot enter $1"
while read -r name sha; do
  mkdir -p -- "${sha:0:2}" && chmod 0444 -- "$2/$name" && mv -fT -- "$2/$name" "${sha:0:2}/$sha" ||
    refuse "cannot place blob $sha"
done
