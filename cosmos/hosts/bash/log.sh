# shellcheck shell=bash
# At most $3 bytes of file $1, after the first $2.

[[ -f $1 && ! -L $1 ]] || exit 0
tail -c "+$(($2 + 1))" -- "$1" | head -c "$3"
