#!/usr/bin/env bash
# Installs what is missing of the Debian packages needed; see --help.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/setup.sh [test]

Installs, with apt, the Debian packages that building and running rgb2gray needs, and with the word "test" those that
its tests need too. Only what is missing is installed; where nothing is, nothing is done. Needs root, or sudo.
EOF
}

packages=(build-essential cmake pkg-config openmpi-bin libopenmpi-dev libpng-dev libjpeg62-turbo-dev zlib1g-dev
    libisal-dev libjansson-dev libcivetweb-dev libsqlite3-dev libssl-dev)
test_packages=(libcmocka-dev python3 python3-pil python3-numpy python3-jsonschema imagemagick libvips-tools pngcheck
    netpbm libjpeg-turbo-progs iproute2 mandoc valgrind qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    graphicsmagick ffmpeg python3-opencv optipng curl openssl nginx-light slurmctld slurmd slurm-client munge
    nodejs chromium chromium-driver python3-selenium fonts-dejavu-core)

case "${1-}" in
--help | -h)
    usage
    exit 0
    ;;
test) packages+=("${test_packages[@]}") ;;
"") ;;
*)
    usage >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "setup: this is not Debian or a relative of it. Install what these packages hold, then carry on:" >&2
    echo "    ${packages[*]}" >&2
    exit 1
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^installed //p' || true)
missing=()
for package in "${packages[@]}"; do
    grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
    exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: packages are missing, and installing them needs root (there is no sudo). As root:" >&2
        echo "    apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "setup: installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    local command=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@")
    if ! "${command[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        echo "setup: apt-get $1 failed" >&2
        exit 1
    fi
}
apt update
apt install -y --no-install-recommends "${missing[@]}"
