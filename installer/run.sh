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
            home=$2
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
if [ ! -f build/release/build.ninja ]; then
    cmake --preset release >build-release.log 2>&1 || { cat build-release.log >&2; rm -f build-release.log; exit 3; }
    rm -f build-release.log
fi
echo "Building (the first time takes some minutes) ..." >&2
cmake --build --preset release --target slipway slipway-desktop | tail -n 1 >&2
PATH="$root/build/release/bin:$PATH"
export PATH
[ "$setup_only" = no ] || exit 0

[ -n "$home" ] || home="$root/build/demo-home"
[ -f "$home/station.yaml" ] || slipway init --home "$home"

# The desktop application where a display answers; a display that does not is no reason to fail.
if [ "$headless" = no ] && { [ -n "${WAYLAND_DISPLAY:-}" ] || [ -n "${DISPLAY:-}" ]; }; then
    slipway-desktop --demo --slots 4 --home "$home"
else
    slipway demo --headless --slots 4 --home "$home"
fi
slipway journal verify --home "$home"
