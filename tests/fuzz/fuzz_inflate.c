/* zlib streams from a fuzzer: the output, the verdict and the words are zlib's, however input and output are cut. The
 * first 4 bytes say how; a byte 0xff there puts a right header before the rest, which then begins with a block. */
#include "../unit/inflate_reference.h"
#include "reader_harness.h"

#define MAX_NBYTES ((size_t)70000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) {
    static const size_t max_nbytes[] = {1, 7, 40, 100, 400, 2000, 9000, 40000};
    if (nbytes < 4)
        return 0;
    struct cuts cuts = {
        .state = bytes[0], .max_in_nbytes = max_nbytes[bytes[1] % 8], .max_out_nbytes = max_nbytes[bytes[2] % 8]};
    uint8_t *stream = checked_alloc(nbytes);
    size_t start = 0;
    if (bytes[3] == 0xff) {
        memcpy(stream, "\x78\x9c", 2);
        start = 2;
    }
    memcpy(stream + start, bytes + 4, nbytes - 4);
    check_like_zlib(stream, start + nbytes - 4, cuts, MAX_NBYTES);
    free(stream);
    return 0;
}
FUZZ_REPLAY_MAIN
