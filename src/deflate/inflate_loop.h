/* The body of the inner loop, included once for each kernel (inflate_fast.c), which defines before:
 *
 *     LOOP_NAME    the function's name
 *     LOOP_TARGET  its attributes
 *     COPY_MATCH   copies a match, see copy_portable
 */

/* `count` runs modulo 64, and what lies above its six bits means nothing: shifts look at six bits only, and an entry can
 * be subtracted as it is. Behind REFILL at least 56 bits count, and all 64 hold bits of the stream, if later ones. */
#define REFILL()                                                                                                       \
    do {                                                                                                               \
        hold |= load_u64(in) << (count & 63);                                                                          \
        in += ~count >> 3 & 7;                                                                                         \
        count |= 56;                                                                                                   \
    } while (0)
#define CONSUME(entry) (hold >>= (entry)&63, count -= (entry))
#define LOOK_UP() (entry = tables->litlen[hold & ((1 << R2G_INFLATE_LITLEN_BITS) - 1)])
#define TAKE()                                                                                                         \
    (CONSUME(entry), store_u32(out, entry >> R2G_INFLATE_LITERALS_SHIFT),                                              \
     out += r2g_inflate_literal_count[R2G_INFLATE_KIND(entry)])
#define ONLY_LITERALS() (R2G_INFLATE_KIND(entry) >= R2G_INFLATE_LITERALS_1)

LOOP_TARGET static enum r2g_inflate_stop LOOP_NAME(const struct r2g_inflate_tables *tables,
                                                   struct r2g_inflate_cursor *cursor, const uint8_t *out_stop) {
    const uint8_t *in = cursor->in, *window = cursor->window;
    const uint8_t *in_stop = cursor->in_end - R2G_INFLATE_FAST_IN_NBYTES;
    uint8_t *out = cursor->out;
    uint64_t hold = cursor->hold;
    uint32_t count = cursor->nbits, entry;
    enum r2g_inflate_stop stop = R2G_INFLATE_NEAR_END;

    REFILL();
    LOOK_UP();
    while (in <= in_stop && out < out_stop) {
        REFILL();
        TAKE();
        if (ONLY_LITERALS()) {
            LOOK_UP();
            TAKE();
            if (ONLY_LITERALS()) {
                LOOK_UP();
                TAKE();
                if (ONLY_LITERALS()) {
                    LOOK_UP();
                    TAKE();
                    if (ONLY_LITERALS()) {
                        LOOK_UP(); /* four times 12 bits are gone, and 12 more have been looked at */
                        continue;
                    }
                }
                REFILL();
            }
        }
        uint32_t length = R2G_INFLATE_MATCH_LENGTH(entry);
        if (__builtin_expect(R2G_INFLATE_KIND(entry) == R2G_INFLATE_OTHER, 0)) {
            REFILL();
            if (R2G_INFLATE_OTHER_WHICH(entry) == R2G_INFLATE_OTHER_LINK) {
                entry = tables->litlen[R2G_INFLATE_OTHER_VALUE(entry) +
                                       (hold >> R2G_INFLATE_LITLEN_BITS & tables->litlen_link_mask)];
                TAKE();
                if (ONLY_LITERALS()) {
                    LOOK_UP();
                    continue;
                }
            }
            if (R2G_INFLATE_OTHER_WHICH(entry) != R2G_INFLATE_OTHER_LENGTH) {
                stop = R2G_INFLATE_OTHER_WHICH(entry) == R2G_INFLATE_OTHER_END ? R2G_INFLATE_BLOCK_END
                                                                               : R2G_INFLATE_BAD_LITLEN;
                break;
            }
            uint32_t extra = R2G_INFLATE_OTHER_EXTRA(entry);
            length = R2G_INFLATE_OTHER_VALUE(entry) + (uint32_t)(hold & low_bits(extra));
            CONSUME(extra);
        }
        entry = tables->distance[hold & ((1 << R2G_INFLATE_DISTANCE_BITS) - 1)];
        if (__builtin_expect(entry & (R2G_INFLATE_LINK | R2G_INFLATE_INVALID), 0)) {
            if (entry & R2G_INFLATE_LINK)
                entry = tables->distance[R2G_INFLATE_VALUE(entry) +
                                         (hold >> R2G_INFLATE_DISTANCE_BITS & tables->distance_link_mask)];
            if (entry & R2G_INFLATE_INVALID) {
                stop = R2G_INFLATE_BAD_DISTANCE;
                break;
            }
        }
        uint32_t distance = R2G_INFLATE_VALUE(entry) +
                            (uint32_t)((hold & low_bits(R2G_INFLATE_NBITS(entry))) >> R2G_INFLATE_CODE_NBITS(entry));
        CONSUME(entry);
        LOOK_UP(); /* at most twice 12 or 20 bits, and 28, are gone; the table answers while the match is copied */
        if (__builtin_expect(distance > (size_t)(out - window), 0)) {
            stop = R2G_INFLATE_TOO_FAR;
            break;
        }
        COPY_MATCH(out, distance, length);
        out += length;
    }
    cursor->in = in;
    cursor->out = out;
    cursor->hold = hold;
    cursor->nbits = count & 63;
    return stop;
}

#undef REFILL
#undef CONSUME
#undef LOOK_UP
#undef TAKE
#undef ONLY_LITERALS
#undef LOOP_NAME
#undef LOOP_TARGET
#undef COPY_MATCH
