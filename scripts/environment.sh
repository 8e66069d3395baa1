# shellcheck shell=bash
# Makes and reuses .venv, the virtual environment of this checkout. Sourced by scripts/demo and scripts/test.
#
#   use_environment runtime|dev   install what is missing and put .venv/bin first on PATH
#   note LINES...                 for a person, on stderr
#   stop LINES...                 the same, and exit 1
#
# On the second run this starts no Python: a stamp file tells whether pyproject.toml, the Python and the
# place of the checkout are those that .venv was made for. PYTHON=python3.12 chooses another Python.

OLDEST="3.11"
STAMP=".venv/cosmos-stamp"

note() { printf '%s\n' "$@" >&2; }
stop() { note "$@"; exit 1; }

use_environment() {
    # Two commands started at once must not both install; the lock ends with this shell at the latest.
    exec 9<pyproject.toml
    if command -v flock >/dev/null; then flock 9; fi
    if ! is_installed "$1"; then install_environment "$1"; fi
    exec 9<&-
    export PATH="$PWD/.venv/bin:$PATH"
}

is_installed() { # runtime|dev: an environment for the tests serves the demo too
    local found
    found="$(cat "$STAMP" 2>/dev/null)" || return 1
    [ "$found" = "$(stamp_text dev)" ] || [ "$found" = "$(stamp_text "$1")" ]
}

stamp_text() { printf '%s %s %s %s' "$1" "$(cksum <pyproject.toml)" "$(readlink -f .venv/bin/python)" "$PWD"; }

install_environment() { # runtime|dev
    local what="."
    if [ "$1" = dev ]; then what=".[dev]"; fi
    # Without a stamp the folder is absent, half made, or was not made by this script.
    is_usable || make_environment
    rm -f "$STAMP"
    note "Installing cosmos and what it needs into .venv (once; about a minute) ..."
    loudly_when_it_fails install_packages "$what" \
        || stop "The packages could not be installed; pip's own words are above." "Run this again to try again."
    stamp_text "$1" >"$STAMP"
}

is_usable() {
    [ -f "$STAMP" ] && [ "$(cut -d' ' -f4- "$STAMP")" = "$(stamp_text any | cut -d' ' -f4-)" ] \
        && .venv/bin/python -c '' 2>/dev/null
}

make_environment() {
    local python
    python="$(find_python)" || exit 1
    has_venv "$python" || install_venv "$python"
    if has_venv "$python"; then
        new_venv "$python"
    elif "$python" -m pip --python "$python" --version >/dev/null 2>&1; then
        # pip is there and ensurepip is not, as in some images: that pip can install into a bare .venv.
        new_venv "$python" --without-pip
    else
        stop "$python can make no virtual environments: $(venv_package "$python") is not installed." \
            "Install it and run this again:" "  sudo apt-get install $(venv_package "$python")"
    fi
}

new_venv() { # python options...
    note "Making a virtual environment in .venv ..."
    loudly_when_it_fails "$1" -m venv --clear "${@:2}" .venv || stop "$1 could not make .venv; its own words are above."
}

find_python() {
    local python found=""
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        command -v "$python" >/dev/null || continue
        found="${found:-$python is $("$python" -c 'import platform; print(platform.python_version())')}"
        if "$python" -c "import sys; sys.exit(sys.version_info < (${OLDEST/./, }))"; then
            printf '%s' "$python"
            return
        fi
    done
    stop "cosmos needs Python $OLDEST or newer; ${found:-no ${PYTHON:-python3} was found}." \
        "Install one and name it:" "  PYTHON=python3.12 $0"
}

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Debian and Ubuntu ship the venv module of each Python as a package of its own.
venv_package() { "$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'; }

install_venv() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        install_debian "$(venv_package "$1")" || true
    fi
}

install_debian() { # packages...: as root only
    note "Installing Debian packages: $* ..."
    export DEBIAN_FRONTEND=noninteractive
    loudly_when_it_fails apt-get install -y --no-install-recommends "$@" 2>/dev/null && return
    # A fresh container has no package lists yet.
    loudly_when_it_fails apt-get update && loudly_when_it_fails apt-get install -y --no-install-recommends "$@"
}

install_packages() { # what
    local pip=(.venv/bin/python -m pip)
    .venv/bin/python -c 'import pip' 2>/dev/null || pip=("$(find_python)" -m pip --python .venv/bin/python)
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore "${pip[@]}" install --editable "$1"
}

loudly_when_it_fails() { # command...
    local output status=0
    output="$("$@" 2>&1)" || status=$?
    [ "$status" -eq 0 ] || printf '%s\n' "$output" >&2
    return "$status"
}
