# shellcheck shell=bash disable=SC2015,SC2154
# Start a prepared batch as a container. $1: the run directory; $2: batch id; the rest: how docker is called.
# The container's name is the claim on it, so that a second start finds the first.

dir=$1 id=$2
shift 2
docker=("$@")
cd -P -- "$dir" 2>/dev/null || refuse "there is no run directory $dir: it was released, or never prepared"
refuse_other . "$id"
! is_record claim && ! is_record exit.json || exit 0
[[ -f batch.json && -f create && -f image.name ]] || refuse "$dir is not complete: prepare it again"
exec 5<create && flock 5 # one after the other, where several start it
find_container "$dir" "$id"

if [[ -z $state ]]; then
  image=$(<image.name)
  rm -f -- image.new
  errors=$(timeout -k 5 30 "${docker[@]}" image inspect --format '{{.Id}}' -- "$image" 2>&1 >image.new) || {
    [[ $errors == *'o such image'* ]] || no_answer "$errors"
    refuse "the image is not on this host: $image"
  }
  mv -fT -- image.new image || refuse "cannot write $dir/image"
  mapfile -d '' words <create
  words[${#words[@]} - 2]=$(<image) # by now another image may have the name
  errors=$(timeout -k 5 60 "${docker[@]}" create --user "$(id -u):$(id -g)" \
    --label "cosmos.root=$root" "${words[@]}" 2>&1 >/dev/null) || {
    find_container "$dir" "$id" # the reply may be all that was lost, or somebody else was first
    [[ -n $state ]] || refuse "no container could be made: ${errors##*$'\n'}"
  }
fi
case $state in
  running | paused | restarting) exit 0 ;;
  exited | dead)
    ! is_record exit.json || exit 0
    ended=$(inspect "cosmos-$id")
    [[ -e claim || $ended != *'exited with 127'* ]] || refuse "the image $(<image.name) has no bash, which run.sh needs"
    refuse "the container of $id has ended without a record: $ended"
    ;;
esac
errors=$(timeout -k 5 60 "${docker[@]}" start "cosmos-$id" 2>&1 >/dev/null) && exit 0
find_container "$dir" "$id"
[[ $state != running ]] || exit 0
refuse "the container did not start: $(inspect "cosmos-$id"); ${errors##*$'\n'}"
