# shellcheck shell=bash disable=SC2154
# Start a prepared batch and return once it has claimed its directory. $1: the run directory.
# A new session: it outlives this shell, the connection and the controller.

cd -P -- "$1" 2>/dev/null || refuse "there is no run directory $1: it was released, or never prepared"
refuse_other . "${1##*/}"
[[ ! -e claim ]] || exit 0
prepared_for .
[[ $by == "$runtime" ]] || refuse "$1 was prepared for a $by: set \`runtime\` back, or stop this batch"
[[ -f batch.json ]] || refuse "$1 is not complete: prepare it again"
setsid bash "$1/run.sh" </dev/null >/dev/null 2>&1 4>&- & # 4: the lock of claim.sh, which ends with this script
runner=$!
export LC_ALL=C # not earlier: the program keeps the language of its user
for ((turn = 0; turn < 1000; turn++)); do
  [[ ! -e claim ]] || exit 0
  kill -0 "$runner" 2>/dev/null || break
  pause 0.01
done
[[ ! -e claim ]] || exit 0
echo probe >start.probe && rm -f -- start.probe
refuse "run.sh in $1 did not start"
