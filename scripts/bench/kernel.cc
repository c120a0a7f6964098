// Times kernels that turn RGB pixels in memory into gray ones, on the same buffers, in turn, in one thread.
//
//   kernel LIBRARY SCRATCH-FOLDER ROUNDS MILLISECONDS
//
// Prints a line of JSON for each kernel and buffer size. librgb2gray picks its instruction set once, when it is first
// used, from RGB2GRAY_ISA; so a copy of the library is loaded for each set, and each has a state of its own. OpenCV and
// libyuv are compiled in where WITH_OPENCV and WITH_LIBYUV are defined. A pixel moves 4 bytes: 3 are read, 1 is
// written; memcpy is given half as many to copy, so that it moves the same number.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#ifdef WITH_OPENCV
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#endif
#ifdef WITH_LIBYUV
#include <libyuv/convert.h>
#endif
#include <rgb2gray/luma.h>

namespace {

using Bytes = std::vector<uint8_t>;
// The buffer holds 4 bytes a pixel: RGB in the first three quarters, gray in the last.
using Function = std::function<void(uint8_t *buffer, size_t pixels)>;

struct Kernel {
    std::string name;
    Function run;
    bool converts;
};

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

__attribute__((noinline)) void plain_loop(const uint8_t *__restrict rgb, uint8_t *__restrict gray, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        gray[i] =
            static_cast<uint8_t>((299u * rgb[3 * i] + 587u * rgb[3 * i + 1] + 114u * rgb[3 * i + 2] + 500) / 1000);
    }
}

// A copy of the library with one instruction set; an empty function where this machine has not got it.
Function load(const std::string &library, const std::string &folder, const std::string &isa) {
    std::string copy = folder + "/kernel-" + isa + ".so";
    {
        std::ifstream from(library, std::ios::binary);
        std::ofstream to(copy, std::ios::binary);
        to << from.rdbuf();
        if (!from || !to) {
            fprintf(stderr, "kernel: %s cannot be copied to %s\n", library.c_str(), copy.c_str());
            exit(1);
        }
    }
    void *handle = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        fprintf(stderr, "kernel: %s\n", dlerror());
        exit(1);
    }
    setenv("RGB2GRAY_ISA", isa.c_str(), 1);
    auto in_use = reinterpret_cast<const char *(*)()>(dlsym(handle, "r2g_luma_isa"));
    auto from_name = reinterpret_cast<decltype(&r2g_luma_from_name)>(dlsym(handle, "r2g_luma_from_name"));
    auto convert = reinterpret_cast<decltype(&r2g_luma_rgb8)>(dlsym(handle, "r2g_luma_rgb8"));
    struct r2g_luma luma;
    if (in_use == nullptr || from_name == nullptr || convert == nullptr || isa != in_use() ||
        from_name(&luma, "bt601", nullptr) != R2G_OK) {
        return nullptr;
    }
    return [luma, convert](uint8_t *buffer, size_t pixels) { convert(&luma, buffer, buffer + 3 * pixels, pixels); };
}

std::vector<Kernel> kernels(const std::string &library, const std::string &folder) {
    std::vector<Kernel> list;
    for (const char *isa : {"scalar", "sse4", "avx2", "avx512", "neon"}) {
        if (Function run = load(library, folder, isa)) {
            list.push_back({std::string("rgb2gray ") + isa, run, true});
        }
    }
#ifdef WITH_OPENCV
    cv::setNumThreads(1);
    list.push_back({"OpenCV cvtColor",
                    [](uint8_t *buffer, size_t pixels) {
                        int columns = static_cast<int>(std::min<size_t>(pixels, 8192));
                        int rows = static_cast<int>(pixels / static_cast<size_t>(columns));
                        cv::Mat rgb(rows, columns, CV_8UC3, buffer), gray(rows, columns, CV_8UC1, buffer + 3 * pixels);
                        cv::cvtColor(rgb, gray, cv::COLOR_RGB2GRAY);
                    },
                    true});
#endif
#ifdef WITH_LIBYUV
    list.push_back({"libyuv RAWToJ400",
                    [](uint8_t *buffer, size_t pixels) {
                        int columns = static_cast<int>(std::min<size_t>(pixels, 8192));
                        int rows = static_cast<int>(pixels / static_cast<size_t>(columns));
                        libyuv::RAWToJ400(buffer, 3 * columns, buffer + 3 * pixels, columns, columns, rows);
                    },
                    true});
#endif
    list.push_back({"plain loop, compiler's best",
                    [](uint8_t *buffer, size_t pixels) { plain_loop(buffer, buffer + 3 * pixels, pixels); }, true});
    list.push_back(
        {"memcpy", [](uint8_t *buffer, size_t pixels) { memcpy(buffer + 2 * pixels, buffer, 2 * pixels); }, false});
    return list;
}

// Counts the colours, of all 2^24, whose gray differs from the formula, and finds the largest difference.
void compare_all(const Kernel &kernel) {
    const size_t pixels = size_t{1} << 24;
    Bytes buffer(4 * pixels);
    for (size_t i = 0; i < pixels; i++) {
        buffer[3 * i] = static_cast<uint8_t>(i >> 16);
        buffer[3 * i + 1] = static_cast<uint8_t>(i >> 8);
        buffer[3 * i + 2] = static_cast<uint8_t>(i);
    }
    kernel.run(buffer.data(), pixels);
    size_t differing = 0;
    int largest = 0;
    for (size_t i = 0; i < pixels; i++) {
        int exact = static_cast<int>((299 * (i >> 16) + 587 * (i >> 8 & 255) + 114 * (i & 255) + 500) / 1000);
        int difference = std::abs(exact - buffer[3 * pixels + i]);
        differing += difference != 0;
        largest = std::max(largest, difference);
    }
    printf("{\"what\": \"exact\", \"kernel\": \"%s\", \"differing_colours\": %zu, \"largest\": %d}\n",
           kernel.name.c_str(), differing, largest);
}

// Pixels that fill a buffer of so many bytes, in whole rows of 8192 where there are that many.
size_t pixels_in(size_t nbytes) {
    size_t pixels = nbytes / 4;
    return pixels > 8192 ? pixels / 8192 * 8192 : pixels;
}

void time_all(const std::vector<Kernel> &list, const char *level, size_t nbytes, int rounds, double least) {
    size_t pixels = pixels_in(nbytes);
    Bytes buffer(4 * pixels);
    for (size_t i = 0; i < buffer.size(); i++) {
        buffer[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
    }
    std::vector<std::vector<double>> speeds(list.size());
    for (int round = 0; round < rounds; round++) {
        for (size_t turn = 0; turn < list.size(); turn++) {
            size_t k = (turn + static_cast<size_t>(round)) % list.size();
            list[k].run(buffer.data(), pixels);
            double begin = now(), end;
            size_t count = 0;
            do {
                list[k].run(buffer.data(), pixels);
                count++;
                end = now();
            } while (end - begin < least);
            speeds[k].push_back(static_cast<double>(count * pixels) / (end - begin));
        }
    }
    for (size_t k = 0; k < list.size(); k++) {
        std::sort(speeds[k].begin(), speeds[k].end());
        printf("{\"what\": \"speed\", \"level\": \"%s\", \"nbytes\": %zu, \"kernel\": \"%s\", \"median\": %.0f, "
               "\"best\": %.0f}\n",
               level, 4 * pixels, list[k].name.c_str(), speeds[k][speeds[k].size() / 2], speeds[k].back());
    }
}

size_t cache_nbytes(int name, size_t otherwise) {
    long nbytes = sysconf(name);
    return nbytes > 0 ? static_cast<size_t>(nbytes) : otherwise;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 5) {
        fputs("usage: kernel LIBRARY SCRATCH-FOLDER ROUNDS MILLISECONDS\n", stderr);
        return 2;
    }
    int rounds = std::max(atoi(argv[3]), 1);
    double least = atof(argv[4]) / 1000;
    std::vector<Kernel> list = kernels(argv[1], argv[2]);
    for (const Kernel &kernel : list) {
        if (kernel.converts) {
            compare_all(kernel);
        }
    }
    // Three quarters of the second-level cache of a core; 8 MB, or half of the third level where that is smaller.
    size_t second = cache_nbytes(_SC_LEVEL2_CACHE_SIZE, 512 << 10) / 4 * 3;
    size_t third = std::min<size_t>(8 << 20, cache_nbytes(_SC_LEVEL3_CACHE_SIZE, 16 << 20) / 2);
    time_all(list, "L2", second, rounds, least);
    time_all(list, "L3", std::max(third, 2 * second), rounds, least);
    time_all(list, "DRAM", 256 << 20, rounds, least);
    return 0;
}
