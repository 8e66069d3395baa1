# shellcheck shell=bash disable=SC2013,SC2015
# Make a run directory complete. $1: the project's folder; $2: batch id. On stdin: lines `folder PATH`,
# `link SHA256 PATH`, `gpu ID`, `file SIZE PATH` and `meta SIZE`, the last two followed by that many bytes, and `end`.
# batch.json appears last, so a directory without one is known to be incomplete.

dir=$1/batches/$2
# Complete, or started, or stopped for ever: its files are no longer ours to write. A program cannot take batch.json away
# where it is a container, and all else that it may have put there is not followed.
[[ ! -e $dir/batch.json && ! -e $dir/claim ]] || exit 0
mkdir -p -- "$dir/inputs" "$dir/outputs" && cd -P -- "$dir" || refuse "cannot make $dir"

link() { # a hard link; a copy where the file system cannot
  local blob=../../blobs/${1:0:2}/$1
  [[ -f $blob ]] || refuse "blob $1 is not on this host: stage it again"
  [[ ! $2 -ef $blob ]] || return 0
  ln -fT -- "$blob" "$2" 2>/dev/null || cp --remove-destination --reflink=auto -- "$blob" "$2" || refuse "cannot place $2"
}

rm -f -- create image.name # of another runtime, for which it was prepared in part

receive() { # $1 bytes of stdin, as file $2
  head -c "$1" >"$2" || refuse "cannot write $2"
}

done=0 written=()
while read -r kind first path; do
  case $kind in
    folder) mkdir -p -- "$first" || refuse "cannot make $first" ;;
    link) link "$first" "$path" ;;
    gpu) mkdir -p -- "../../../.gpus" && : >>"../../../.gpus/$first" || refuse "cannot make the lock of $first" ;;
    file)
      receive "$first" "$path.new" && mv -fT -- "$path.new" "$path" || refuse "cannot write $path"
      written+=("$path")
      ;;
    meta) receive "$first" batch.json.new ;;
    end) done=1 ;;
  esac
done
((done)) || refuse "the description of the batch was cut off"
sync -- batch.json.new "${written[@]}" && mv -fT -- batch.json.new batch.json || refuse "cannot write batch.json"
