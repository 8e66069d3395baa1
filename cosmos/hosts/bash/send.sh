# shellcheck shell=bash disable=SC2015
# Print files below outputs/$2 of run directory $1, one after the other. On stdin lines `OFFSET NAME`.
# No link on the way to one is followed.

cd -P -- "$1" || refuse "there is no run directory $1"
here=$PWD/outputs/$2
while IFS= read -r line; do
  offset=${line%% *} path=$here/${line#* }
  [[ -f $path && ! -L $path && $(realpath -e -- "$path") == "$path" ]] || refuse "outputs/$2/${line#* } is no regular file"
  if ((offset)); then tail -c "+$((offset + 1))" -- "$path"; else cat -- "$path"; fi || refuse "cannot read $path"
done
