/* Declared sizes: of files made here and, where the program itself can tell (rgb2gray info), the same over the corpus. */
#include "gateway_jobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>

#include "gateway/declared.h"

static enum r2g_problem look(const void *bytes, size_t nbytes, struct r2g_declared *declared) {
    struct r2g_error err;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, nbytes, file), nbytes);
    assert_int_equal(fflush(file), 0);
    enum r2g_problem problem = r2g_declared_read(fileno(file), nbytes, declared, &err);
    fclose(file);
    return problem;
}

static void headers_tell_sizes(void **state) {
    (void)state;
    struct r2g_declared declared;
    static const char pnm[] = "P6 # a comment\n# another\n12\t34 255\n";
    assert_int_equal(look(pnm, sizeof pnm - 1, &declared), R2G_PROBLEM_NONE);
    assert_true(declared.known && declared.width == 12 && declared.height == 34 && declared.samples == 3);
    static const char pam[] = "P7\n#c\nHEIGHT 7\nWIDTH 9\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n";
    assert_int_equal(look(pam, sizeof pam - 1, &declared), R2G_PROBLEM_NONE);
    assert_true(declared.known && declared.width == 9 && declared.height == 7 && declared.samples == 4);
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 4,    1,    2, 0xFF, 0xFF, 0xC2,
                                   0,    11,   8,    1,    0, 0x02, 0x03, 1, 0,    0,    0};
    assert_int_equal(look(jpeg, sizeof jpeg, &declared), R2G_PROBLEM_NONE);
    assert_string_equal(declared.format, "jpeg");
    assert_true(declared.known && declared.width == 0x203 && declared.height == 256 && declared.samples == 1);
    assert_int_equal(r2g_declared_pixels(&declared), 0x203 * 256);
}

static void what_cannot_be_told_is_unknown(void **state) {
    (void)state;
    struct r2g_declared declared;
    static const char cut[] = "P6\n12 3";
    assert_int_equal(look(cut, sizeof cut - 1, &declared), R2G_PROBLEM_NONE);
    assert_false(declared.known);
    assert_int_equal(declared.width, 0);
    static const char huge[] = "P5\n99999999999999999999999 1\n255\n";
    assert_int_equal(look(huge, sizeof huge - 1, &declared), R2G_PROBLEM_NONE);
    assert_false(declared.known);
    assert_int_equal(look("", 0, &declared), R2G_PROBLEM_CORRUPT_IMAGE);
    assert_int_equal(look("GIF89a", 6, &declared), R2G_PROBLEM_UNSUPPORTED_IMAGE);
    /* no frame header within what is read: segments of no bytes without end */
    size_t nbytes = 1 << 20;
    uint8_t *endless = malloc(nbytes);
    for (size_t i = 0; i < nbytes; i += 4)
        memcpy(endless + i, "\xFF\xE1\0\2", 4);
    memcpy(endless, "\xFF\xD8\xFF\xFF", 4);
    assert_int_equal(look(endless, nbytes, &declared), R2G_PROBLEM_NONE);
    assert_false(declared.known);
    free(endless);
}

/* What the program says of a file: false where it refuses it. */
static bool ask_program(const char *path, uint64_t *width, uint64_t *height) {
    char command[4 * PATH_MAX];
    snprintf(command, sizeof command, "'%s' info --report json -- '%s' 2>/dev/null", getenv("RGB2GRAY"), path);
    FILE *pipe = popen(command, "r");
    json_error_t why;
    json_t *report = pipe ? json_loadf(pipe, JSON_DISABLE_EOF_CHECK, &why) : NULL;
    bool good = pipe && pclose(pipe) == 0 && json_is_null(json_object_get(report, "error"));
    const json_t *input = json_object_get(report, "input");
    *width = (uint64_t)json_integer_value(json_object_get(input, "width"));
    *height = (uint64_t)json_integer_value(json_object_get(input, "height"));
    json_decref(report);
    return good;
}

static void corpus_agrees_with_the_program(void **state) {
    (void)state;
    static const char *const folders[] = {"png", "jpeg", "bmp", "pnm"};
    const char *corpus = getenv("RGB2GRAY_CORPUS");
    /* a sanitized program takes long to start, and what is looked at here is the gateway: there each fourth file will do */
    const char *sanitized = getenv("RGB2GRAY_SANITIZE");
    unsigned count = 0, known = 0, turn = 0, step = sanitized && strcmp(sanitized, "1") == 0 ? 4 : 1;
    if (!corpus || access(corpus, R_OK) != 0 || !getenv("RGB2GRAY"))
        skip();
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", corpus, folders[i]);
        DIR *dir = opendir(path);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            struct r2g_declared declared;
            struct r2g_error err;
            struct stat is;
            uint64_t width, height;
            snprintf(path, sizeof path, "%s/%s/%s", corpus, folders[i], entry->d_name);
            int fd = open(path, O_RDONLY);
            if (fd < 0 || turn++ % step != 0 || fstat(fd, &is) != 0 || !S_ISREG(is.st_mode) || strchr(path, '\'') ||
                !ask_program(path, &width, &height)) {
                if (fd >= 0)
                    close(fd);
                continue;
            }
            count++;
            assert_int_equal(r2g_declared_read(fd, (uint64_t)is.st_size, &declared, &err), R2G_PROBLEM_NONE);
            close(fd);
            known += declared.known;
            if (declared.known && (declared.width != width || declared.height != height))
                fail_msg("%s: %ju x %ju declared, %ju x %ju read", path, (uintmax_t)declared.width,
                         (uintmax_t)declared.height, (uintmax_t)width, (uintmax_t)height);
        }
        if (dir)
            closedir(dir);
    }
    print_message("%u files, the size of %u was found\n", count, known);
    assert_true(known * 100 >= count * 99);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_tell_sizes),
        cmocka_unit_test(what_cannot_be_told_is_unknown),
        cmocka_unit_test(corpus_agrees_with_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
