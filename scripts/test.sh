#!/usr/bin/env bash
# Builds and runs all tests; see --help.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/test.sh [ctest options]

Installs what is missing, builds the preset dev and runs all tests, then builds the preset asan and runs there the tests
with one of the labels unit, fuzz and asan. Options go to both runs of ctest, such as: -R png, -L unit.

Environment: RGB2GRAY_CORPUS  folder of test pictures; default: ../shared/corpus beside the source; may be absent
EOF
}

if [[ ${1-} == --help || ${1-} == -h ]]; then
    usage
    exit 0
fi

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)
halves=$((2 * jobs)) # what tests/CMakeLists.txt counts processors in
log=$(mktemp)
trap 'rm -f "$log"' EXIT

build() {
    local preset=$1
    local options=()
    if [[ -n ${RGB2GRAY_CORPUS-} ]]; then
        options+=("-DRGB2GRAY_CORPUS=$RGB2GRAY_CORPUS")
    fi
    echo "test: building $preset" >&2
    if ! { cmake -S "$root" --preset "$preset" "${options[@]}" &&
        cmake --build "$root/build/$preset" --parallel "$jobs"; } >"$log" 2>&1; then
        cat "$log" >&2
        echo "test: building $preset failed" >&2
        exit 1
    fi
}

"$root/scripts/setup.sh" test
cd "$root"
status=0
build dev
ctest --test-dir build/dev --output-on-failure --no-tests=error -j "$halves" "$@" || status=1
build asan
ctest --test-dir build/asan --output-on-failure -j "$halves" -L '^(unit|fuzz|asan)$' "$@" || status=1
exit "$status"
