# shellcheck shell=bash disable=SC2015
# Put before every script that changes something on a host: one controller at a time may, and each says here who it is.
# $1: the project's folder; $2: our line for its controller.json; $3: where our database was before it was moved, or
# nothing; $4: the line of another one that a person gave us leave to write over, or nothing. The script gets the rest.
#
# The folder stays locked until the script ends, so that a later controller begins when nothing of ours is under way.
# Ends with 105 where such a one has been here, and with 106 where the folder belongs to another one: see hosts/ownership.py.

folder=$1 ours=$2 former=$3 seen=$4
shift 4

read_owner() { # database, epoch, place of line $1; fails where it is not such a line
  local form='^\{"database":"([0-9a-f]*)","epoch":([0-9]{1,18}),"place":"(([^"\\]|\\.)*)",.*\}$'
  [[ $1 =~ $form ]] || return 1
  database=${BASH_REMATCH[1]} epoch=${BASH_REMATCH[2]} place=${BASH_REMATCH[3]}
}

look_who() { # there: the line of who may change things here, empty where nobody has yet
  there=''
  [[ -e $folder/controller.json || -L $folder/controller.json ]] || return 0
  [[ -f $folder/controller.json && ! -L $folder/controller.json ]] || cannot "read $folder/controller.json: it is no file"
  [[ -r $folder/controller.json ]] || cannot "read $folder/controller.json: Permission denied"
  IFS=' ' read -r there <"$folder/controller.json" || : # no end of a line: a crash of the machine has left it so
}

may_follow() { # are we the one that is named there, or the next of its kind? A place without a machine tells databases apart
  # only together with their ids
  local database epoch place our_database our_epoch our_place
  read_owner "$ours" || cannot "understand $ours"
  our_database=$database our_epoch=$epoch our_place=$place
  read_owner "$there" || turn_away 106
  if [[ $database == "$our_database" ]]; then
    [[ $place == "$our_place" || (-n $former && $place == "$former") ]] || turn_away 106
  else
    [[ $place == "$our_place" && $our_place == [!:]* ]] || turn_away 106
  fi
  ((epoch <= our_epoch)) || turn_away 105
}

turn_away() { # with nothing done; $1: status
  printf '%s\n' "$there" >&2
  exit "$1"
}

cannot() { # a definite no, for the person who reads the message
  printf 'cannot %s\n' "$*" >&2
  exit 3
}

hold_folder() { # locked by many of us together, or by one that writes
  local -x LC_ALL=C
  mkdir -p -- "$folder" && : 2>/dev/null >>"$folder/controller.lock" || cannot "write to $folder"
  exec 4<>"$folder/controller.lock" || cannot "write to $folder"
  while :; do
    flock -s 4 || cannot "lock $folder"
    look_who
    [[ $there != "$ours" ]] || return 0
    flock -x 4 || cannot "lock $folder" # given up in between: so it is looked at again
    look_who
    [[ -z $there || $there == "$seen" ]] || may_follow
    # in place, and not shorter than before: that works on a full disk, too
    printf '%-511s\n' "$ours" 1<>"$folder/controller.json" || cannot "write $folder/controller.json"
  done
}

hold_folder
