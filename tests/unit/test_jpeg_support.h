/* For the JPEG tests: pictures, libjpeg called directly as the independent decoder and encoder, sources in memory.
 * Everything returned is malloc'ed and the caller's. */
#ifndef R2G_TEST_JPEG_SUPPORT_H
#define R2G_TEST_JPEG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "codec/codec.h"

struct bytes {
    uint8_t *bytes;
    size_t nbytes;
};

/* Samples that are neither flat nor noise: slopes, edges, and some grain. */
static inline uint8_t *make_samples(uint32_t width, uint32_t height, uint32_t channels) {
    uint8_t *samples = malloc((size_t)width * height * channels);
    assert_non_null(samples);
    uint32_t grain = 12345;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++) {
                grain = grain * 1664525u + 1013904223u;
                uint32_t value = x * (3 + c) + y * (2 + 3 * c) + ((x / 37 + y / 29) % 2) * 70 + (grain >> 28);
                samples[((size_t)y * width + x) * channels + c] = (uint8_t)(value >> (x / 64 % 2));
            }
    return samples;
}

struct direct_error {
    struct jpeg_error_mgr manager;
    jmp_buf jump;
};

static inline void direct_exit(j_common_ptr cinfo) {
    longjmp(((struct direct_error *)cinfo->err)->jump, 1);
}
static inline void direct_message(j_common_ptr cinfo, int level) {
    if (level < 0)
        cinfo->err->num_warnings++;
}

struct direct_picture {
    uint8_t *samples; /* NULL when libjpeg refused */
    uint32_t width, height, channels;
    long warning_count;
    J_COLOR_SPACE space; /* of the file */
    bool adobe;
};

/* Decodes with libjpeg's defaults; as gray if `gray`, and files of four components as CMYK. */
static inline struct direct_picture direct_decode(const uint8_t *bytes, size_t nbytes, bool gray) {
    struct jpeg_decompress_struct cinfo;
    struct direct_error error;
    static struct direct_picture picture; /* static: a jump must not lose it */
    picture = (struct direct_picture){0};
    cinfo.err = jpeg_std_error(&error.manager);
    error.manager.error_exit = direct_exit;
    error.manager.emit_message = direct_message;
    if (setjmp(error.jump) != 0) {
        jpeg_destroy_decompress(&cinfo);
        free(picture.samples);
        picture.samples = NULL;
        return picture;
    }
    jpeg_create_decompress(&cinfo);
    jpeg_mem_src(&cinfo, bytes, nbytes);
    jpeg_read_header(&cinfo, TRUE);
    picture.space = cinfo.jpeg_color_space;
    picture.adobe = cinfo.saw_Adobe_marker;
    if (gray)
        cinfo.out_color_space = JCS_GRAYSCALE;
    jpeg_start_decompress(&cinfo);
    picture.width = cinfo.output_width;
    picture.height = cinfo.output_height;
    picture.channels = (uint32_t)cinfo.output_components;
    size_t row_nbytes = (size_t)picture.width * picture.channels;
    picture.samples = malloc(row_nbytes * picture.height);
    while (cinfo.output_scanline < cinfo.output_height) {
        JSAMPROW row = picture.samples + cinfo.output_scanline * row_nbytes;
        jpeg_read_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_decompress(&cinfo);
    picture.warning_count = error.manager.num_warnings;
    jpeg_destroy_decompress(&cinfo);
    return picture;
}

struct direct_settings {
    J_COLOR_SPACE samples, file; /* colour space given and stored */
    int quality;
    int h[4], v[4]; /* sampling factors; all 0: libjpeg's default */
    bool progressive, arithmetic, non_interleaved;
    unsigned restart_interval;
};

static inline struct bytes direct_encode(const uint8_t *samples, uint32_t width, uint32_t height,
                                         const struct direct_settings *settings) {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr error;
    unsigned char *out = NULL;
    unsigned long out_nbytes = 0;
    cinfo.err = jpeg_std_error(&error);
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &out, &out_nbytes);
    cinfo.image_width = width;
    cinfo.image_height = height;
    cinfo.in_color_space = settings->samples;
    cinfo.input_components = settings->samples == JCS_GRAYSCALE ? 1 : settings->samples == JCS_RGB ? 3 : 4;
    jpeg_set_defaults(&cinfo);
    jpeg_set_colorspace(&cinfo, settings->file);
    jpeg_set_quality(&cinfo, settings->quality, TRUE);
    for (int i = 0; i < cinfo.num_components && settings->h[0] > 0; i++) {
        cinfo.comp_info[i].h_samp_factor = settings->h[i];
        cinfo.comp_info[i].v_samp_factor = settings->v[i];
    }
    cinfo.arith_code = settings->arithmetic;
    cinfo.restart_interval = settings->restart_interval;
    jpeg_scan_info scans[4];
    if (settings->progressive) {
        jpeg_simple_progression(&cinfo);
    } else if (settings->non_interleaved) {
        for (int i = 0; i < cinfo.num_components; i++)
            scans[i] = (jpeg_scan_info){.comps_in_scan = 1, .component_index = {i}, .Se = 63};
        cinfo.scan_info = scans;
        cinfo.num_scans = cinfo.num_components;
    }
    jpeg_start_compress(&cinfo, TRUE);
    while (cinfo.next_scanline < cinfo.image_height) {
        JSAMPROW row =
            (JSAMPROW)(uintptr_t)(samples + (size_t)cinfo.next_scanline * width * (size_t)cinfo.input_components);
        jpeg_write_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    return (struct bytes){out, out_nbytes};
}

/* A source of these bytes, closed with memory_source_close. */
static inline struct r2g_source memory_source(const uint8_t *bytes, size_t nbytes) {
    static char name[] = "memory";
    int fd = memfd_create("jpeg", 0);
    assert_true(fd >= 0);
    for (size_t done = 0; done < nbytes;) {
        ssize_t put = write(fd, bytes + done, nbytes - done);
        assert_true(put > 0);
        done += (size_t)put;
    }
    return (struct r2g_source){.fd = fd, .nbytes = nbytes, .name = name};
}

static inline void memory_source_close(struct r2g_source *source) {
    close(source->fd);
}

#endif
