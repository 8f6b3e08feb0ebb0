#!/bin/sh
# Usage: need.sh SET...
#
# Makes sure that the tools of the named sets are there. What is missing is installed with apt-get, through sudo when
# not root; where that is impossible, one line names the packages and the exit status is 1. Asks nothing itself, and
# takes a few milliseconds when nothing is missing.
set -u

machine=$(uname -m)
missing=

# want PACKAGE PROBE...: the package is needed unless one of the probes is a command or an existing file.
want() {
    package=$1
    shift
    for probe in "$@"; do
        case $probe in
        */*) [ -e "$probe" ] && return ;;
        *) command -v "$probe" >/dev/null 2>&1 && return ;;
        esac
    done
    missing="$missing $package"
}

want_build() {
    want gcc gcc
    want libc6-dev /usr/include/stdio.h
    want libcrypt-dev /usr/include/crypt.h
    want libssl-dev /usr/include/openssl/ssl.h
    want meson meson
    want ninja-build ninja
    want pkg-config pkg-config
    want python3 /usr/bin/python3
    want libc-ares-dev /usr/include/ares.h
    want libjansson-dev /usr/include/jansson.h
    want zlib1g-dev /usr/include/zlib.h
    want libbrotli-dev /usr/include/brotli/encode.h
    want libzstd-dev /usr/include/zstd.h
    want unicode-data /usr/share/unicode/UnicodeData.txt
}

want_test() {
    want publicsuffix /usr/share/publicsuffix/public_suffix_list.dat
    want g++ g++
    want clang clang
    want libclang-rt-dev /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-"$machine".a
    want clang-format-14 clang-format-14
    want binutils nm
    want libcmocka-dev /usr/include/cmocka.h
    want python3-pytest /usr/lib/python3/dist-packages/pytest/__init__.py
    want curl curl
    want openssl openssl
    want python3-cryptography /usr/lib/python3/dist-packages/cryptography/__init__.py
    want libcurl4-openssl-dev /usr/include/"$machine"-linux-gnu/curl/curl.h /usr/include/curl/curl.h
    want valgrind valgrind
    want gdb gdb
    want lldb lldb
    want groff-base groff
}

want_cross() {
    want gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
    want libc6-dev-arm64-cross /usr/aarch64-linux-gnu/include/stdio.h
    want qemu-user qemu-aarch64
}

want_peers() {
    want chromium chromium
    want netcat-openbsd nc
    want socat socat
    want systemd systemd-socket-activate
    want nginx-light nginx /usr/sbin/nginx
    want gnutls-bin gnutls-cli
    want nsd nsd /usr/sbin/nsd
    want unbound unbound /usr/sbin/unbound
    want squid squid /usr/sbin/squid
    want tinyproxy-bin tinyproxy
    want dante-server danted /usr/sbin/danted
    want wrk wrk
    want golang-go go
    want slowhttptest slowhttptest
    want python3-requests /usr/lib/python3/dist-packages/requests/__init__.py
    want python3-httpx /usr/lib/python3/dist-packages/httpx/__init__.py
}

want_bench() {
    want wrk wrk
    want openssl openssl
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    elif command -v sudo >/dev/null 2>&1 && [ -t 0 ] && [ -t 2 ]; then
        sudo "$@"
    else
        return 1
    fi
}

# A daemon that a test starts by hand must not become a service of this machine: while it is being installed its unit
# is masked, and afterwards it is disabled. One that is there already is left alone.
daemons="nginx nsd unbound squid danted"

mask() {
    unit=/etc/systemd/system/$1.service
    case $1 in
    danted) package=dante-server ;;
    *) package=$1 ;;
    esac
    case $missing in
    *$package*) [ ! -e "$unit" ] && as_root mkdir -p "${unit%/*}" && as_root ln -s /dev/null "$unit" ;;
    *) false ;;
    esac
}

unmask() {
    as_root rm -f "/etc/systemd/system/$1.service"
    if command -v systemctl >/dev/null 2>&1; then
        as_root systemctl disable "$1.service" >/dev/null 2>&1
    fi
}

install_missing() {
    masked=
    for daemon in $daemons; do
        mask "$daemon" && masked="$masked $daemon"
    done
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 NEEDRESTART_SUSPEND=1 \
        apt-get install -y -q -o DPkg::Lock::Timeout=120 --no-install-recommends $missing >&2 </dev/null
    status=$?
    for daemon in $masked; do
        unmask "$daemon"
    done
    return $status
}

for set in "$@"; do
    case $set in
    build | test | cross | peers | bench) "want_$set" ;;
    *)
        echo "need.sh: no such set: $set" >&2
        exit 2
        ;;
    esac
done

[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
    as_root true && as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 </dev/null
    install_missing && exit 0
fi
echo "wharf: please install these packages first:$missing" >&2
exit 1
