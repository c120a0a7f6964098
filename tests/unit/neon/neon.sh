#!/usr/bin/env bash
# Builds the pixel layer and check_neon.c for 64-bit ARM and runs them: natively there, elsewhere by a cross compiler under
# an emulator. Skipped where these are not installed.
set -euo pipefail

source=$RGB2GRAY_SOURCE
compiler=aarch64-linux-gnu-gcc
emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
if [[ $(uname -m) == aarch64 ]]; then
    compiler=cc
    emulator=()
fi
for tool in "$compiler" "${emulator[@]:0:1}"; do
    command -v "$tool" >/dev/null || {
        echo "skipped: there is no $tool (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
        exit 77
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo '#include <stdio.h>' >"$work/trial.c"
"$compiler" -fsyntax-only "$work/trial.c" 2>/dev/null || {
    echo "skipped: $compiler finds no C library (Debian: libc6-dev-arm64-cross)"
    exit 77
}
"$compiler" -std=c17 -O2 -Wall -Wextra -Wshadow -Werror -D_GNU_SOURCE '-DR2G_VERSION="test"' \
    -I "$source/include" -I "$source/src" "$source/tests/unit/neon/check_neon.c" "$source"/src/pixel/*.c \
    "$source/src/base/buffer.c" "$source/src/base/status.c" -o "$work/check" -pthread
"${emulator[@]}" "$work/check"
