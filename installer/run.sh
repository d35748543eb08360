#!/bin/sh
# Sets Slipway up on Debian 12 and runs its main job: four virtual devices through the sample factory recipe, in the
# desktop application where there is a display, else headless; ends by verifying the journal.
# A second run takes seconds. Options: --headless (no window even with a display), --home DIR (default: a fresh
# demonstration home under build/), --setup-only (install and build, run nothing).
set -eu

headless=no
home=""
setup_only=no
while [ $# -gt 0 ]; do
    case "$1" in
        --headless) headless=yes ;;
        --setup-only) setup_only=yes ;;
        --home)
            [ $# -ge 2 ] || { echo "run.sh: --home needs a folder" >&2; exit 2; }
            case "$2" in
                /*) home=$2 ;;
                *) home=$PWD/$2 ;;
            esac
            shift ;;
        -h | --help)
            sed -n '2,5s/^# //p' "$0"
            exit 0 ;;
        *)
            echo "run.sh: unknown option $1; known are --headless, --home DIR, --setup-only" >&2
            exit 2 ;;
    esac
    shift
done

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/installer/packages.sh"
# shellcheck disable=SC2086  # words on purpose
install_packages $build_packages

cd "$root"
# Quiet when all is well; what went wrong is shown whole.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
    "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "run.sh: this failed: $*" >&2; exit 3; }
}
[ -f build/release/build.ninja ] || quietly cmake --preset release
echo "Building (the first time takes some minutes) ..." >&2
quietly cmake --build --preset release --target slipway slipway-desktop
tail -n 1 "$log" >&2
PATH="$root/build/release/bin:$PATH"
export PATH
[ "$setup_only" = no ] || exit 0

[ -n "$home" ] || home="$root/build/demo-home"
[ -f "$home/station.yaml" ] || slipway init --home "$home" --no-passphrase # a demonstration; nobody is asked

# The desktop application where a display answers. One that does not makes it end by a signal: no reason to fail.
shown=no
if [ "$headless" = no ] && { [ -n "${WAYLAND_DISPLAY:-}" ] || [ -n "${DISPLAY:-}" ]; }; then
    status=0
    slipway-desktop --demo --slots 4 --home "$home" || status=$?
    if [ "$status" -lt 128 ]; then
        shown=yes
        [ "$status" -eq 0 ] || exit "$status"
    else
        echo "run.sh: the desktop application could not be shown (status $status); going on without it." >&2
    fi
fi
[ "$shown" = yes ] || slipway demo --headless --slots 4 --home "$home"
slipway journal verify --home "$home"
