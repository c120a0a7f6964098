#!/usr/bin/env bash
# Sets up, builds and converts; see --help.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/run.sh [rgb2gray options] IMAGE...
       scripts/run.sh

Installs what is missing, builds rgb2gray (into build/release) and converts the images to grayscale with all CPUs, under
mpirun. With no argument it makes a picture (out/tissue.ppm, 4000 x 4000), converts it and compares the time with that
of one process. Options go to rgb2gray as they are; `scripts/run.sh --help` ends here, `rgb2gray --help` lists them.

Environment: RANKS  number of MPI processes; default: the CPUs this process may use
EOF
}

if [[ ${1-} == --help || ${1-} == -h ]]; then
    usage
    exit 0
fi

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() {
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        echo "run: this failed: $*" >&2
        exit 1
    fi
}

"$root/scripts/setup.sh"
if [[ ! -x $build/src/rgb2gray ]]; then
    echo "run: building" >&2
fi
if [[ ! -f $build/Makefile ]]; then
    quietly cmake -S "$root" --preset release -DRGB2GRAY_TESTS=OFF
fi
quietly cmake --build "$build" --parallel "$(nproc)" --target all make_picture

rgb2gray=$build/src/rgb2gray
ranks=${RANKS:-$(nproc)}

if [[ $# -gt 0 ]]; then
    # The report says where the result lies; not where it would mix with a picture, or something else was asked for.
    report=(--report text)
    for argument in "$@"; do
        case $argument in
        - | -o- | --output=- | -q | --quiet | --report* | --explain | --compare) report=() ;;
        esac
    done
    exec "$rgb2gray" -n "$ranks" "${report[@]}" "$@"
fi

out=$root/out
mkdir -p "$out"
echo "run: making $out/tissue.ppm" >&2
"$build/tests/make_picture" tissue 4000 4000 -o "$out/tissue.ppm"
"$rgb2gray" -n "$ranks" --compare --force -o "$out/tissue-gray.png" "$out/tissue.ppm"
echo "run: the gray picture is $out/tissue-gray.png" >&2
