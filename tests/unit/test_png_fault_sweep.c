/* Each allocation and read on the way from a PNG to a PNG is made to fail in turn: the failure has its own status, never
 * that of a damaged file, and everything is given back. Needs a build with RGB2GRAY_FAULTS. */
#include "test_png_support.h"

#ifdef RGB2GRAY_FAULTS
#include <fcntl.h>
#include <sys/wait.h>

#define SUCCESS 77 /* told apart from 0, which a sanitizer's own exit might be */

static r2g_status encode_rows(const struct r2g_metadata *metadata, const uint8_t *rows, struct r2g_budget *budget,
                              struct r2g_error *err) {
    const struct r2g_encoder *encoder = r2g_codec_png.encoder;
    struct r2g_raster raster = {.width = 60, .height = 50, .channels = 1, .maxval = 65535, .block_rows = 20};
    raster.block_count = 3;
    raster.compression = R2G_COMPRESSION_SMALL;
    struct r2g_buffer out = {.budget = budget};
    struct r2g_encoder_state *state = NULL;
    struct r2g_checksum sum = {0}, checksum;
    r2g_status status = encoder->state_new(&state, &raster, budget, err);
    if (status != R2G_OK) {
        return status;
    }
    status = encoder->header(&raster, metadata, &out, err);
    for (uint32_t y = 0; status == R2G_OK && y < 50; y += 20) {
        status = encoder->segment(state, &raster, y, y == 40 ? 10 : 20, rows + y * 120, &out, &checksum, err);
        if (status == R2G_OK) {
            encoder->checksum_append(&sum, &checksum);
        }
    }
    if (status == R2G_OK) {
        status = encoder->trailer(&raster, &sum, &out, err);
    }
    encoder->state_free(state);
    r2g_buffer_free(&out);
    return status;
}

static r2g_status work(const struct r2g_source *source, struct r2g_budget *budget, struct r2g_error *err) {
    struct r2g_read_options options = {.budget = budget};
    struct r2g_reader *reader = NULL;
    uint8_t rows[50 * 60 * 2] __attribute__((aligned(2)));
    r2g_status status = r2g_codec_png.open(&reader, source, &options, err);
    if (status != R2G_OK) {
        return status;
    }
    status = r2g_codec_png.read_rows(reader, 0, 50, rows, 120, err);
    if (status == R2G_OK) {
        status = encode_rows(&reader->metadata, rows, budget, err);
    }
    r2g_codec_png.close(reader);
    return status;
}

/* A picture with all sorts of metadata. */
static void make_file(bool interlaced, struct r2g_buffer *file) {
    static const uint8_t noughts[7000];
    uint8_t ihdr[13] = {0, 0, 0, 60, 0, 0, 0, 50, 16, 0, 0, 0, interlaced}, icc[500] = {0};
    struct r2g_error err;
    png_put_be32(icc, sizeof icc);
    memcpy(icc + 36, "acsp", 4);
    assert_int_equal(r2g_buffer_append(file, r2g_png_signature, 8, &err), R2G_OK);
    append_chunk(file, "IHDR", ihdr, sizeof ihdr);
    append_compressed(file, "iCCP", "name\0", 6, icc, sizeof icc);
    append_chunk(file, "tEXt", "Title\0x", 7);
    append_compressed(file, "zTXt", "Comment\0", 9, "x", 1);
    append_chunk(file, "iTXt", "Author\0\0\0\0\0\xce\xb1", 13);
    append_chunk(file, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0<x/>", 26);
    append_chunk(file, "eXIf", "II*\0\x08\0\0\0\0\0\0\0\0\0", 14);
    size_t rows = 50; /* each row of each pass has a filter type: Adam7 cuts 60 x 50 into rows of 6 passes and more */
    if (interlaced) {
        rows = 7 + 7 + 6 + 13 + 12 + 25 + 25;
    }
    append_compressed(file, "IDAT", "", 0, noughts, rows + 6000);
    append_chunk(file, "IEND", NULL, 0);
}

/* Runs the work in a child of its own, since the fault is read once a process. Returns its exit code. Site 0 is none: then
 * the log of passed sites is written to `path` with ".log" behind it. Without a kind it makes the file. */
static int run(const char *kind, int site, bool interlaced, const char *path) {
    fflush(NULL); /* or the child would print it again */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (kind == NULL) {
            struct r2g_buffer file = {0};
            make_file(interlaced, &file);
            int fd = open(path, O_WRONLY | O_TRUNC);
            bool good = fd >= 0 && write(fd, file.bytes, file.nbytes) == (ssize_t)file.nbytes;
            r2g_buffer_free(&file);
            exit(good ? SUCCESS : 1);
        }
        char fault[32];
        (void)snprintf(fault, sizeof fault, "%s:%d", kind, site);
        setenv("RGB2GRAY_FAULT", fault, 1);
        if (site == 0) {
            char log[64];
            (void)snprintf(log, sizeof log, "%s.log", path);
            setenv("RGB2GRAY_FAULT_LOG", log, 1);
        }
        static char name[] = "memory";
        struct r2g_source source = {.fd = open(path, O_RDONLY), .name = name};
        source.nbytes = (uint64_t)lseek(source.fd, 0, SEEK_END);
        struct r2g_budget budget = {0};
        struct r2g_error err = {0};
        r2g_status status = work(&source, &budget, &err);
        if (budget.used_nbytes != 0 || (status != R2G_OK && (err.status != status || err.text[0] == '\0'))) {
            status = R2G_EINTERNAL;
        }
        exit(status == R2G_OK ? SUCCESS : (int)status); /* not _exit: LeakSanitizer looks at exit */
    }
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFEXITED(wait_status));
    return WEXITSTATUS(wait_status);
}

/* How many sites of that kind the work passes; each is tried, and the one after the last. */
static int count_sites(const char *kind, bool interlaced, const char *path) {
    char log[64], name[16];
    int count = 0, found = 0;
    (void)snprintf(log, sizeof log, "%s.log", path);
    assert_int_equal(run(kind, 0, interlaced, path), SUCCESS);
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    while (found == 0 && fscanf(file, "%*d %15s %d", name, &count) == 2) {
        found = strcmp(name, kind) == 0 ? count : 0;
    }
    fclose(file);
    unlink(log);
    return found;
}

static void sweep(const char *kind, r2g_status expected, int fewest_failures) {
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        char path[] = "/tmp/r2g_test_XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(run(NULL, 0, interlaced, path), SUCCESS);
        int failures = 0;
        int sites = count_sites(kind, interlaced, path);
        for (int site = 1; site <= sites + 1; site++) {
            int code = run(kind, site, interlaced, path);
            /* A buffer that may not grow by half still grows by what it needs: then one refusal does no harm. */
            assert_true(code == SUCCESS || code == (int)expected);
            assert_true(code == SUCCESS || site <= sites);
            failures += code != SUCCESS;
        }
        unlink(path);
        print_message("%s: %d of %d sites fail\n", kind, failures, sites);
        assert_true(failures >= fewest_failures);
    }
}

static void test_each_allocation(void **unused) {
    (void)unused;
    sweep("alloc", R2G_ENOMEM, 40);
}

static void test_each_read(void **unused) {
    (void)unused;
    sweep("read", R2G_EINPUT, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation), cmocka_unit_test(test_each_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) {
    puts("built without RGB2GRAY_FAULTS: nothing to test");
    return 0;
}
#endif
