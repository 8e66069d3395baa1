# shellcheck shell=bash
# Print the line that says whose the folder $1 is; nothing where nobody has acted there yet.

file=$1/controller.json
[[ -e $file || -L $file ]] || exit 0
is_record "$file" || refuse "$file is no file"
[[ -r $file ]] || refuse "$file: Permission denied"
IFS=' ' read -r line <"$file" || :
printf '%s\n' "$line"
