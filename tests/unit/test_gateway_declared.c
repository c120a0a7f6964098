/* Declared sizes: of files made here and, where the program itself can tell (rgb2gray info), the same over the corpus. */
#include "gateway_jobs.h"

#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <sys/wait.h>

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

/* How many names `*` stands for in a folder. */
static size_t count_names(const char *folder) {
    char pattern[PATH_MAX + 8];
    glob_t names;
    snprintf(pattern, sizeof pattern, "%s/*", folder);
    size_t count = glob(pattern, 0, NULL, &names) == 0 ? names.gl_pathc : 0;
    globfree(&names);
    return count;
}

/* Compares with one report of the program, unless it refuses the file. */
static void check_report(const char *folder, const json_t *report, unsigned *count, unsigned *known) {
    const json_t *input = json_object_get(report, "input");
    uint64_t width = (uint64_t)json_integer_value(json_object_get(input, "width"));
    uint64_t height = (uint64_t)json_integer_value(json_object_get(input, "height"));
    struct r2g_declared declared;
    struct r2g_error err;
    struct stat is;
    char path[2 * PATH_MAX];
    if (!json_is_null(json_object_get(report, "error")))
        return;
    snprintf(path, sizeof path, "%s/%s", folder, json_string_value(json_object_get(report, "in_path")));
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &is), 0);
    assert_int_equal(r2g_declared_read(fd, (uint64_t)is.st_size, &declared, &err), R2G_PROBLEM_NONE);
    close(fd);
    *count += 1;
    *known += declared.known;
    if (declared.known && (declared.width != width || declared.height != height))
        fail_msg("%s: %ju x %ju declared, %ju x %ju read", path, (uintmax_t)declared.width, (uintmax_t)declared.height,
                 (uintmax_t)width, (uintmax_t)height);
}

/* The program is asked about all files of a folder at once: it takes a while to start, under the sanitizers above all. */
static void corpus_agrees_with_the_program(void **state) {
    (void)state;
    static const char *const formats[] = {"png", "jpeg", "bmp", "pnm"};
    const char *corpus = getenv("RGB2GRAY_CORPUS");
    unsigned count = 0, known = 0;
    if (!corpus || access(corpus, R_OK) != 0 || !getenv("RGB2GRAY"))
        skip();
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char folder[PATH_MAX], command[4 * PATH_MAX];
        snprintf(folder, sizeof folder, "%s/%s", corpus, formats[i]);
        size_t left = count_names(folder);
        if (left == 0)
            continue;
        snprintf(command, sizeof command, "cd '%s' && exec '%s' info --report json -- * 2>/dev/null", folder,
                 getenv("RGB2GRAY"));
        FILE *pipe = popen(command, "r");
        json_t *report;
        for (; pipe && (report = json_loadf(pipe, JSON_DISABLE_EOF_CHECK, NULL)); left--) {
            check_report(folder, report, &count, &known);
            json_decref(report);
        }
        assert_int_equal(left, 0);
        assert_true(pipe && WIFEXITED(pclose(pipe)));
    }
    print_message("%u files, the size of %u was found\n", count, known);
    assert_true(count > 0 && known * 100 >= count * 99);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_tell_sizes),
        cmocka_unit_test(what_cannot_be_told_is_unknown),
        cmocka_unit_test(corpus_agrees_with_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
