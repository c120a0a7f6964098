#!/usr/bin/env bash
# Sets up, builds, and starts the gateway or converts; see --help.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/run.sh [gateway options]
       scripts/run.sh [rgb2gray options] IMAGE...

Installs what is missing and builds rgb2gray (into build/release).
Without an image it starts the gateway, which prints the address of its page and API, and runs until Ctrl-C; all options
go to it, such as `scripts/run.sh --port 9000` (see rgb2gray-gateway --help).
With images it converts them to grayscale with all CPUs, under mpirun; options go to rgb2gray (see rgb2gray --help).
An image is '-' or a file that is named, but for the value of --config, --hostfile, --tls-cert or --program.

Environment: RANKS  number of MPI processes; default: the CPUs this process may use
             PORT   of the gateway; default: 8080
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
quietly cmake --build "$build" --parallel "$(nproc)" --target all

rm -f "$log"
rgb2gray=$build/src/rgb2gray
ranks=${RANKS:-$(nproc)}

# Without an image all is for the gateway.
images=false
before=
for argument in "$@"; do
    case $argument in
    - | --) images=true ;;
    -*) ;;
    *)
        case $before in
        -c | --config | --hostfile | --tls-cert | --program) ;; # whose value is a file, too
        *) if [[ -f $argument || $before != -* ]]; then images=true; fi ;;
        esac
        ;;
    esac
    before=$argument
done

if [[ $images == false ]]; then
    options=()
    if [[ -n ${RANKS-} ]]; then
        options+=(--ranks "$RANKS")
    fi
    if [[ -n ${PORT-} ]]; then
        options+=(--port "$PORT")
    fi
    exec "$build/src/rgb2gray-gateway" "${options[@]}" "$@"
fi

# The report says where the result lies; not where it would mix with a picture, or something else was asked for.
report=(--report text)
for argument in "$@"; do
    case $argument in
    - | -o- | --output=- | -q | --quiet | --report* | --explain | --compare) report=() ;;
    esac
done
exec "$rgb2gray" -n "$ranks" "${report[@]}" "$@"
