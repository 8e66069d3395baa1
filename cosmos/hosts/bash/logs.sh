# shellcheck shell=bash
# Put before manifest.sh to bring a log along. Prints the sizes of what follows: at most $4 bytes of the log of run
# directory $1, and at most $5 of its times; then both.

sizes=()
for name in run.log run.log.times; do
  size=0
  [[ -f $1/$name && ! -L $1/$name ]] && size=$(stat -c %s -- "$1/$name")
  sizes+=("$size")
done
((sizes[0] <= $4)) || sizes[0]=$4
((sizes[1] <= $5)) || sizes[1]=$5
echo "${sizes[*]}"
((sizes[0] == 0)) || head -c "${sizes[0]}" -- "$1/run.log"
((sizes[1] == 0)) || head -c "${sizes[1]}" -- "$1/run.log.times"
