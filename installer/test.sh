#!/bin/sh
# Sets a Debian 12 machine up and runs all of Slipway's tests: compiler warnings as errors, formatting and qmllint,
# and every CTest label. Ends with CTest's summary.
# Options: --sanitize (before that, the same tests under the address and undefined-behaviour sanitizers).
set -eu

sanitize=no
for option in "$@"; do
    case "$option" in
        --sanitize) sanitize=yes ;;
        -h | --help)
            sed -n '2,4s/^# //p' "$0"
            exit 0 ;;
        *)
            echo "test.sh: unknown option $option; known is --sanitize" >&2
            exit 2 ;;
    esac
done

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/installer/packages.sh"
# shellcheck disable=SC2086  # words on purpose
install_packages $build_packages $test_packages

cd "$root"
jobs=$(($(nproc) * 2)) # most tests wait for something
# Not every machine that runs tests has a session; Qt wants a runtime folder.
XDG_RUNTIME_DIR=$(mktemp -d)
export XDG_RUNTIME_DIR
chmod 700 "$XDG_RUNTIME_DIR"
trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT

echo "== formatting"
find app core drivers tests \( -name '*.cpp' -o -name '*.h' \) -print0 | xargs -0 clang-format --dry-run --Werror

if [ "$sanitize" = yes ]; then
    echo "== tests under ASan and UBSan"
    cmake --preset asan >/dev/null
    cmake --build --preset asan
    LSAN_OPTIONS="suppressions=$root/tests/support/lsan.supp:print_suppressions=0" \
        ctest --preset asan --parallel "$jobs" --label-exclude 'screen'
fi

echo "== tests"
cmake --preset dev >/dev/null
cmake --build --preset dev
cmake --build --preset dev --target all_qmllint
ctest --preset dev --parallel "$jobs"
