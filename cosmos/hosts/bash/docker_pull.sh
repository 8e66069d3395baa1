# shellcheck shell=bash
# Bring an image to the host. $1: the image; the rest: how docker is called. What docker says goes to the output.

image=$1
shift
"$@" pull -- "$image" 2>&1 || refuse "$image cannot be pulled; the lines above say why"
