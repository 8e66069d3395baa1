# shellcheck shell=bash disable=SC2034
# Put before the scripts that hash what is long.

long=16777216 # bytes from which on it pays to start a program for one file

sum_of() { # sum: the sha256 of file $1, by stdin, so that its name does not matter; fails where it cannot be read.
  # openssl uses the processor's instructions for it, which not every sha256sum does
  sum=$(openssl dgst -sha256 -r 2>/dev/null <"$1") && sum=${sum%% *} && [[ $sum =~ ^[0-9a-f]{64}$ ]] && return
  sum=$(sha256sum -b <"$1") && sum=${sum%% *}
}
