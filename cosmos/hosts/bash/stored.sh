# shellcheck shell=bash disable=SC2154
# What is kept below the project's folder $1, and how long nobody has used it. Prints records of NUL-separated fields:
# `now TIME`; `blob SHA256 SIZE TIME LINKS`; `kept PATH SIZE TIME LINKS` of everything below blobs/.part and batches;
# `end`. TIME of a file is its last change, be it of its bytes or of the number of its links.

list() { # find, for which what is removed meanwhile is no failure
  local errors
  { errors=$(find -P "$@" 2>&1 >&7); } 7>&1 && return
  ! printf '%s\n' "$errors" | grep -v ': No such file or directory$' >&2 || refuse "cannot list all of $PWD"
}

now
printf '%s\0' now "$at"
if [[ -e $1 ]]; then
  cd -P -- "$1" || refuse "cannot enter $1"
  if [[ -d blobs ]]; then
    list blobs/ -mindepth 2 -maxdepth 2 -type f ! -path 'blobs/.part/*' -printf 'blob\0%f\0%s\0%C@\0%n\0'
    [[ ! -d blobs/.part ]] || list blobs/.part -mindepth 1 \
      -type f -printf 'kept\0blobs/.part/%P\0%s\0%C@\0%n\0' -o -printf 'kept\0blobs/.part/%P\0000\0%C@\0001\0'
  fi
  if [[ -d batches ]]; then
    list batches/ -mindepth 1 -maxdepth 1 -type d -printf 'kept\0batches/%P\0000\0%C@\0001\0'
    # a program may have left what nobody can look into; that is missing from the size
    find -P batches/ -mindepth 2 -type f -printf 'kept\0batches/%P\0%s\0%C@\0%n\0' 2>/dev/null
  fi
fi
printf 'end\0'
