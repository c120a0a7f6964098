/* What the gateway reads from the head of a file that a client sent: any bytes give one answer, and what is called known is
 * within the limits that its header promises. */
#include "gateway/declared.h"
#include "reader_harness.h"

static void expect(bool what) {
    if (!what)
        abort();
}

static void check(const struct r2g_declared *declared) {
    expect(declared->format[0] != '\0' && declared->frames == 1);
    if (declared->known) {
        expect(declared->width >= 1 && declared->width <= UINT32_MAX);
        expect(declared->height >= 1 && declared->height <= UINT32_MAX);
        expect(declared->samples >= 1 && declared->samples <= 4);
        expect(r2g_declared_pixels(declared) == declared->width * declared->height);
    } else {
        expect(declared->width == 0 && declared->height == 0 && declared->samples == 0);
        expect(r2g_declared_pixels(declared) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) {
    struct r2g_declared declared, again;
    struct r2g_error err = {0};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || (nbytes > 0 && pwrite(fd, bytes, nbytes, 0) != (ssize_t)nbytes))
        abort();
    enum r2g_problem problem = r2g_declared_read(fd, nbytes, &declared, &err);
    if (problem == R2G_PROBLEM_NONE)
        check(&declared);
    else
        expect(err.text[0] != '\0');
    expect(lseek(fd, 0, SEEK_CUR) == 0);
    expect(r2g_declared_read(fd, nbytes, &again, &err) == problem);
    if (problem == R2G_PROBLEM_NONE)
        expect(again.width == declared.width && again.height == declared.height && again.samples == declared.samples);
    close(fd);
    return 0;
}
FUZZ_REPLAY_MAIN
