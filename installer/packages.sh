# Debian 12 packages that Slipway needs. Sourced by run.sh and test.sh; nothing else installs anything.

# To build and to run.
build_packages="
    g++ binutils cmake ninja-build pkg-config ccache mold
    qt6-base-dev qt6-declarative-dev qt6-declarative-dev-tools qt6-svg-dev qt6-httpserver-dev qt6-websockets-dev
    libgl1-mesa-dev libxkbcommon-dev
    libssl-dev zlib1g-dev libsqlite3-dev libyaml-cpp-dev libcli11-dev libserialport-dev libusb-1.0-0-dev libcoap3-dev
    libudev-dev libqrencode-dev libfuse3-dev fuse3 libp11-kit-dev libcurl4-openssl-dev
    qml6-module-qtqml qml6-module-qtqml-models qml6-module-qtqml-workerscript qml6-module-qtcore
    qml6-module-qtquick qml6-module-qtquick-controls qml6-module-qtquick-layouts qml6-module-qtquick-shapes
    qml6-module-qtquick-templates qml6-module-qtquick-window
    libqt6svg6 qt6-qpa-plugins fonts-dejavu-core fonts-inter fonts-jetbrains-mono
    openssl sqlite3 ca-certificates"

# To test, beyond that.
test_packages="
    qt6-qmllint-plugins qml6-module-qttest
    clang clang-format libclang-rt-14-dev
    umockdev libumockdev-dev stm32flash dfu-util openocd busybox libcoap3-bin mtools dosfstools
    curl nginx-light tshark iproute2 socat
    softhsm2 opensc libengine-pkcs11-openssl
    xvfb xauth x11-utils xdotool imagemagick
    poppler-utils zbar-tools python3-jsonschema python3-yaml desktop-file-utils procps util-linux xxd git"

# install_packages NAME...: installs what is missing, and says so; silent and quick when all is there.
install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "These packages are missing:$missing" >&2
            echo "Run this as root, or install sudo, or install them by hand." >&2
            return 3
        fi
        as_root="sudo"
    fi
    echo "Installing:$missing" >&2
    log=$(mktemp)
    # shellcheck disable=SC2086  # words on purpose
    if $as_root env DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >>"$log" 2>&1; then
        rm -f "$log"
    else
        tail -n 20 "$log" >&2
        echo "Installing packages failed; the whole log is in $log." >&2
        return 3
    fi
}
