#!/usr/bin/env bash
# Measures rgb2gray beside other programs; see --help.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: scripts/bench.sh [OPTIONS] [IMAGE...]

Measures rgb2gray beside vips, GraphicsMagick, ImageMagick, ffmpeg, OpenCV, Pillow, jpegtran, djpeg with cjpeg, and
netpbm on this machine, all in turn, and checks every output against the exact formula. Installs what is missing (with
apt), builds the preset release, makes pictures, measures, prints, and writes into out/bench/: results.csv,
results.json, chart.svg, and table.md to copy from; of kernels, kernels.json and kernels.md; of the gateway, gateway.json and
gateway.md; of many images, batch.json and batch.md. IMAGEs (PNG, JPEG, BMP, PPM) are measured instead of made pictures.

  --quick          2000 x 2000 only, three rounds: some minutes. All else takes most of an hour on two cores
  --sizes LIST     sizes of made pictures, such as "2000 8000" or "640x480". Default: 2000 8000
  --huge           also 30000 x 30000 (needs some 25 GB of disk and 16 GB of memory, and hours)
  --kinds LIST     photograph, tissue, drawing, ct, screenshot, or all. Default: photograph
  --paths LIST     png-none, png-paeth, jpeg-444, jpeg-420, jpeg-progressive, bmp, ppm, ppm-png, jpeg-png, png-jpeg.
                   Default: all. Of IMAGEs: png, jpeg, bmp, ppm, ppm-png, jpeg-png, png-jpeg. Default: to their own
                   format
  --runs N         rounds. Default: 7. What takes longer than 5 s is timed three times; once, as it is checked, where
                   that is also four times as long as the fastest
  --ranks LIST     also measure rgb2gray -n N for these. Default: "1 2"; "" for none
  --only LIST      only contenders whose names begin so, such as "rgb2gray vips jpegtran"
  --dir DIR        where pictures and outputs lie. Default: out/bench. /dev/shm leaves the disk out
  --peers          only the part about files
  --kernel         only the part about kernels in memory (rgb2gray's, OpenCV's, libyuv's, memcpy)
  --gateway        only the part about requests to the gateway, beside the program alone
  --batch          only this: rgb2gray batch beside a shell loop, GNU parallel and xargs with vips, and mogrify, on
                   copies of 120 made pictures and of the files that RGB2GRAY_CORPUS has
  --images-count N images for --batch. Default: 10000

Lists may be parted by commas or blanks. Ends with 1 where an output of rgb2gray is not exact (but for pixels encoded
as JPEG, whose loss is shown); never because of a time.
Environment: RGB2GRAY_BUILD  a build folder to measure instead of build/release (it is not built then)
HELP
}

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build=${RGB2GRAY_BUILD:-$root/build/release}
folder=$root/out/bench
options=()
kernel=1

while [[ $# -gt 0 ]]; do
    case $1 in
    --help | -h)
        usage
        exit 0
        ;;
    --dir=*) folder=${1#*=} ;;
    --dir)
        if [[ $# -lt 2 ]]; then
            echo "bench: --dir needs a folder" >&2
            exit 2
        fi
        folder=$2
        shift
        ;;
    --peers | --gateway | --batch)
        kernel=0
        options+=("$1")
        ;;
    *) options+=("$1") ;;
    esac
    shift
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() {
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        echo "bench: this failed: $*" >&2
        exit 1
    fi
}

# Installs the missing ones of these packages, as setup.sh does those that rgb2gray itself needs.
install_missing() {
    local package missing=() as_root=() installed
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p' || true)
    for package in "$@"; do
        grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then
        return
    fi
    if [[ $(id -u) -ne 0 ]]; then
        if ! command -v sudo >/dev/null; then
            echo "bench: packages are missing, and installing them needs root (there is no sudo). As root:" >&2
            echo "    apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "bench: installing ${missing[*]}" >&2
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    quietly "${apt[@]}" update
    quietly "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}

packages=(python3 python3-pil python3-numpy python3-opencv libvips-tools graphicsmagick imagemagick ffmpeg
    libjpeg-turbo-progs netpbm parallel)
if [[ $kernel -eq 1 ]]; then
    packages+=(g++ libopencv-dev libyuv-dev)
fi
"$root/scripts/setup.sh"
install_missing "${packages[@]}"

if [[ -z ${RGB2GRAY_BUILD-} ]]; then
    echo "bench: building" >&2
    if [[ ! -f $build/Makefile ]]; then
        quietly cmake -S "$root" --preset release -DRGB2GRAY_TESTS=OFF
    fi
    quietly cmake --build "$build" --parallel "$(nproc)" --target all make_picture
fi

mkdir -p "$root/out/bench"
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$root/scripts/bench/main.py" --program "$build/src/rgb2gray" \
    --library "$build/src/librgb2gray.so" --gateway-program "$build/src/rgb2gray-gateway" \
    --make-picture "$build/tests/make_picture" --results "$root/out/bench" --dir "$folder" "${options[@]}"
