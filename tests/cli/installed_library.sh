#!/usr/bin/env bash
# What is installed can be used: a program built against it through pkg-config, and through CMake's find_package,
# converts a picture, and to the same bytes as the installed rgb2gray does.
set -euo pipefail

if [[ ${RGB2GRAY_SANITIZE:-0} == 1 ]]; then
    echo "skipped: a sanitized library asks for a sanitized program"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

cmake --install "$RGB2GRAY_BUILD" --prefix "$prefix" >"$work/install.log"
for file in bin/rgb2gray libexec/rgb2gray/rgb2gray-mpi share/man/man1/rgb2gray.1 share/rgb2gray/report.schema.json share/rgb2gray/hostfile.example \
    include/rgb2gray/rgb2gray.h; do
    [[ -s $prefix/$file ]] || {
        echo "not installed: $file"
        exit 1
    }
done
pc=$(find "$prefix" -name rgb2gray.pc)
libdir=$(dirname "$(dirname "$pc")")
[[ -e $libdir/librgb2gray.so.0 ]]
if ldd "$libdir/librgb2gray.so.0" | grep -i 'libmpi'; then
    echo "the library needs MPI"
    exit 1
fi

cat >"$work/consumer.c" <<'EOF'
#include <rgb2gray/rgb2gray.h>
#include <stdio.h>

int main(int argc, char **argv) {
    struct r2g_options options;
    struct r2g_error error;
    r2g_options_default(&options);
    if (argc != 3 || r2g_convert_file(argv[1], argv[2], &options, &error) != R2G_OK) {
        fprintf(stderr, "%s\n", argc == 3 ? error.text : "usage: consumer IN OUT");
        return 1;
    }
    puts(r2g_version());
    return 0;
}
EOF
cat >"$work/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(rgb2gray 0.1 REQUIRED)
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE rgb2gray::rgb2gray)
EOF

export PKG_CONFIG_PATH=${pc%/*}
# The temporary prefix is not the one that the build was configured for.
read -r -a flags <<<"$(pkg-config "--define-variable=prefix=$prefix" --cflags --libs rgb2gray)"
cc -std=c17 -Wall -Wextra -Werror "$work/consumer.c" -o "$work/by-pkg-config" "${flags[@]}"
cmake -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/configure.log"
cmake --build "$work/build" >"$work/build.log"

"$RGB2GRAY_PICTURE" tissue 300 200 -o "$work/in.ppm"
"$prefix/bin/rgb2gray" "$work/in.ppm" -o "$work/expected.png"
version=$(LD_LIBRARY_PATH=$libdir "$work/by-pkg-config" "$work/in.ppm" "$work/one.png")
[[ $version == "$(pkg-config --modversion rgb2gray)" ]]
"$work/build/consumer" "$work/in.ppm" "$work/two.png"
cmp "$work/expected.png" "$work/one.png"
cmp "$work/expected.png" "$work/two.png"
if LD_LIBRARY_PATH=$libdir "$work/by-pkg-config" "$work/absent.ppm" "$work/three.png" 2>"$work/error"; then
    echo "an absent input was converted"
    exit 1
fi
grep -q absent.ppm "$work/error"
echo "installed, linked both ways, same bytes"
