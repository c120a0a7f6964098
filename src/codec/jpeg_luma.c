/* The luma transcode: a colour JPEG's luma bits become a gray JPEG, without decoding.
 *
 * Input goes through in pieces of R2G_JPEG_PIECE_NBYTES: read, stuffing taken out (jpeg_scan), walked over (jpeg_walk),
 * stuffing put in, written. Where the order of luma blocks stays (4:4:4, 4:2:2 of even width in blocks, gray) their bits
 * are copied as they are, restart markers in their places. Where an MCU has two block rows or more (4:2:0), or padding
 * falls away at the right edge, the first block row goes to the output at once and the others wait in buffers of their
 * own for the end of the MCU row; DC differences are coded anew where a block gets another neighbour, and restart
 * markers fall away. Memory: the pieces, and one MCU row less its first block row.
 *
 * Damage is what libjpeg takes for damage. What stands behind the scan is left to libjpeg itself.
 */
#include "codec/jpeg_luma.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "codec/jpeg_scan.h"

enum {
    OUT_NBYTES = R2G_JPEG_PIECE_NBYTES + 4 * R2G_JPEG_PUT_MAX,
    STUFFED_NBYTES = R2G_JPEG_PIECE_NBYTES,    /* written once there is as much */
    COPY_BITS = R2G_JPEG_PIECE_NBYTES / 2 * 8, /* of a lower block row, copied at once */
};

struct luma {
    struct r2g_jpeg_reader *reader;
    struct r2g_transcode_io *io;
    struct r2g_error *err;
    struct r2g_jpeg_luma_plan plan;
    struct r2g_jpeg_shape shape;
    struct r2g_jpeg_walk *walks[3];
    struct r2g_jpeg_scan scan;
    struct r2g_jpeg_run run;
    struct r2g_buffer out[R2G_JPEG_ROWS_MAX], stuffed;
    uint64_t done_mcus;
    uint32_t restart_left, restart_count; /* MCUs until the next restart marker; markers passed */
};

static r2g_status damaged(struct luma *l, const char *text) {
    return r2g_fail(l->err, R2G_ECORRUPT, "damaged JPEG data: %s", text);
}

/* One set of tables for each pair that the components name. */
static r2g_status make_walks(struct luma *l) {
    const struct jpeg_decompress_struct *cinfo = &l->reader->cinfo;
    const jpeg_component_info *c = cinfo->comp_info;
    for (int i = 0; i < cinfo->num_components; i++) {
        struct r2g_jpeg_codes dc, ac;
        const struct r2g_jpeg_walk *walk = NULL;
        for (int j = 0; j < i; j++)
            if (c[j].dc_tbl_no == c[i].dc_tbl_no && c[j].ac_tbl_no == c[i].ac_tbl_no)
                walk = j == 0 ? l->shape.luma_walk : l->shape.chroma_walk[j - 1];
        if (walk == NULL) {
            r2g_status status = r2g_jpeg_luma_codes(l->reader, i, &dc, &ac, l->err);
            if (status != R2G_OK)
                return status;
            walk = l->walks[i] = r2g_new(sizeof *walk, l->err);
            if (walk == NULL)
                return R2G_ENOMEM;
            status = r2g_jpeg_walk_fill(l->walks[i], &dc, &ac, l->err);
            if (status != R2G_OK)
                return status;
        }
        if (i == 0)
            l->shape.luma_walk = walk;
        else
            l->shape.chroma_walk[i - 1] = walk;
    }
    return R2G_OK;
}

/* Room for `nbytes` in the writer of a block row, keeping what is there. */
static r2g_status make_room(struct luma *l, unsigned row, size_t nbytes) {
    struct r2g_buffer *out = &l->out[row];
    struct r2g_jpeg_writing *w = &l->run.out[row];
    out->nbytes = out->bytes == NULL ? 0 : (size_t)(w->next - out->bytes) + 1; /* with the byte begun */
    r2g_status status = r2g_buffer_reserve(out, nbytes, "JPEG data", l->err);
    if (status != R2G_OK)
        return status;
    w->next = out->bytes + (out->nbytes > 0 ? out->nbytes - 1 : 0);
    l->run.out_limit[row] = out->bytes + out->capacity - R2G_JPEG_PUT_MAX;
    return R2G_OK;
}

static r2g_status start(struct luma *l) {
    const struct r2g_jpeg_luma_plan *plan = &l->plan;
    struct r2g_jpeg_reader *reader = l->reader;
    l->shape.across = plan->across;
    l->shape.down = plan->down;
    memcpy(l->shape.chroma, plan->chroma, sizeof l->shape.chroma);
    l->shape.dc_codes = plan->dc_codes;
    l->run.shape = &l->shape;
    l->run.kept_across = plan->across;
    l->run.kept_down = plan->down;
    l->restart_left = plan->restart_interval;
    for (unsigned i = 0; i < R2G_JPEG_ROWS_MAX; i++)
        l->out[i].budget = reader->budget;
    l->stuffed.budget = reader->budget;
    r2g_status status = r2g_jpeg_luma_check(reader, l->err);
    if (status == R2G_OK)
        status = make_walks(l);
    /* libjpeg has read up to here */
    uint64_t offset = reader->offset - reader->input.bytes_in_buffer;
    if (status == R2G_OK)
        status = r2g_jpeg_scan_open(&l->scan, reader->base.source, offset, reader->budget, l->err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&l->stuffed, STUFFED_NBYTES + 2 * OUT_NBYTES + 16, "JPEG data", l->err);
    for (unsigned row = 0; row < plan->down && status == R2G_OK; row++) {
        /* photographs take a byte or two for a block's row of eight pixels; more where that is not enough */
        size_t guess = row == 0 ? OUT_NBYTES : 2 * R2G_JPEG_PUT_MAX + (size_t)plan->blocks_across * 24;
        status = make_room(l, row, guess);
    }
    return status;
}

static r2g_status write_stuffed(struct luma *l) {
    r2g_status status = l->io->write(l->io->user, l->stuffed.bytes, l->stuffed.nbytes, l->err);
    l->stuffed.nbytes = 0;
    return status;
}

/* Empties the output's writer but for the byte begun. */
static r2g_status flush(struct luma *l) {
    struct r2g_jpeg_writing *w = &l->run.out[0];
    l->stuffed.nbytes +=
        r2g_jpeg_stuff(l->stuffed.bytes + l->stuffed.nbytes, l->out[0].bytes, (size_t)(w->next - l->out[0].bytes));
    w->next = l->out[0].bytes;
    return l->stuffed.nbytes >= STUFFED_NBYTES ? write_stuffed(l) : R2G_OK;
}

/* Fills the last byte with ones (T.81, F.1.2.3) and appends a marker. */
static r2g_status end_interval(struct luma *l, uint8_t marker) {
    struct r2g_jpeg_writing *w = &l->run.out[0];
    if (w->used > 0)
        r2g_jpeg_put(w, UINT64_MAX, 8 - w->used);
    r2g_status status = flush(l);
    l->stuffed.bytes[l->stuffed.nbytes++] = 0xFF;
    l->stuffed.bytes[l->stuffed.nbytes++] = marker;
    return status;
}

/* Sees to it that a whole MCU can be read, and sets how far the walk may go. */
static r2g_status provide(struct luma *l) {
    struct r2g_jpeg_scan *scan = &l->scan;
    struct r2g_jpeg_run *run = &l->run;
    const size_t enough = R2G_JPEG_MCU_NBYTES_MAX + 8;
    while (!scan->ended && scan->bytes.nbytes - run->place / 8 <= enough) {
        size_t used = run->place / 8;
        r2g_status status = r2g_jpeg_scan_fill(scan, used, l->err);
        run->place -= used * 8;
        if (status == R2G_OK)
            status = l->io->rows_done(l->io->user,
                                      (uint32_t)r2g_u64_min(l->done_mcus / l->plan.mcus_across * l->plan.down * DCTSIZE,
                                                            l->reader->base.image.height),
                                      l->err);
        if (status != R2G_OK)
            return status;
    }
    run->base = scan->bytes.bytes;
    run->limit = scan->bytes.bytes + scan->bytes.nbytes - (scan->ended ? 0 : enough);
    return R2G_OK;
}

/* Walks over MCUs of one restart interval, in changed order also of one MCU row. */
static r2g_status walk(struct luma *l, uint32_t mcu_count) {
    struct r2g_jpeg_run *run = &l->run;
    while (mcu_count > 0) {
        r2g_status status = provide(l);
        for (unsigned row = 1; row < l->plan.down && status == R2G_OK; row++)
            if (run->out[row].next >= run->out_limit[row])
                status = make_room(l, row, l->out[row].capacity + R2G_JPEG_PUT_MAX + l->out[row].capacity / 2);
        if (status != R2G_OK)
            return status;
        uint32_t done = 0;
        enum r2g_jpeg_walk_end end =
            l->plan.same_order ? r2g_jpeg_walk_same(run, mcu_count, &done) : r2g_jpeg_walk_apart(run, mcu_count, &done);
        if (run->place > (uint64_t)l->scan.bytes.nbytes * 8)
            return damaged(l,
                           l->scan.marker == 0 ? "the file ends within the picture" : "premature end of data segment");
        if (end == R2G_JPEG_WALK_BAD_CODE)
            return damaged(l, "bad Huffman code");
        if (end == R2G_JPEG_WALK_BAD_DC)
            return damaged(l, "brightness beyond what 8 bits can be (--reencode decodes it all the same)");
        mcu_count -= done;
        l->done_mcus += done;
        status = flush(l);
        if (status != R2G_OK)
            return status;
    }
    return R2G_OK;
}

/* Reads on to the marker behind the interval. */
static r2g_status find_marker(struct luma *l) {
    struct r2g_jpeg_scan *scan = &l->scan;
    bool more = scan->bytes.nbytes > (l->run.place + 7) / 8;
    while (!scan->ended) {
        r2g_status status = r2g_jpeg_scan_fill(scan, scan->bytes.nbytes, l->err);
        if (status != R2G_OK)
            return status;
        more = more || scan->bytes.nbytes > 0;
    }
    if (more)
        r2g_jpeg_note(&l->reader->seam, "extraneous bytes before a marker");
    return R2G_OK;
}

/* Passes the restart marker that must come now (T.81, F.1.2.1.2 and B.2.1). */
static r2g_status restart(struct luma *l) {
    r2g_status status = find_marker(l);
    if (status != R2G_OK)
        return status;
    uint8_t wanted = (uint8_t)(JPEG_RST0 + l->restart_count % 8);
    if (l->scan.marker == 0)
        return damaged(l, "the file ends within the picture");
    if (l->scan.marker != wanted)
        return r2g_fail(l->err, R2G_ECORRUPT, "damaged JPEG data: found marker 0x%02x instead of RST%u", l->scan.marker,
                        l->restart_count % 8);
    r2g_jpeg_scan_resume(&l->scan);
    l->run.place = 0;
    l->run.dc = 0;
    l->restart_count++;
    l->restart_left = l->plan.restart_interval;
    return l->plan.same_order ? end_interval(l, wanted) : R2G_OK;
}

/* Walks over any number of MCUs (in changed order: of one MCU row), past restart markers. */
static r2g_status walk_intervals(struct luma *l, uint32_t mcu_count) {
    while (mcu_count > 0) {
        uint32_t count = mcu_count;
        if (l->plan.restart_interval > 0) {
            if (l->restart_left == 0) {
                r2g_status status = restart(l);
                if (status != R2G_OK)
                    return status;
            }
            count = (uint32_t)r2g_u64_min(count, l->restart_left);
            l->restart_left -= count;
        }
        r2g_status status = walk(l, count);
        if (status != R2G_OK)
            return status;
        mcu_count -= count;
    }
    return R2G_OK;
}

/* Appends a lower block row to the output, behind the one above. */
static r2g_status join_row(struct luma *l, unsigned row) {
    struct r2g_jpeg_run *run = &l->run;
    struct r2g_jpeg_writing *w = &run->out[row];
    int32_t diff = (int32_t)((uint32_t)run->first_dc[row] - (uint32_t)run->row_dc[row - 1]);
    if (!r2g_jpeg_put_dc(&run->out[0], &l->shape.dc_codes, diff))
        return damaged(l, "brightness beyond what 8 bits can be (--reencode decodes it all the same)");
    const uint8_t *bytes = l->out[row].bytes;
    uint64_t nbits = (uint64_t)(w->next - bytes) * 8 + w->used;
    for (uint64_t at = 0; at < nbits; at += COPY_BITS) {
        r2g_jpeg_copy(&run->out[0], bytes, at, r2g_u64_min(nbits - at, COPY_BITS));
        r2g_status status = flush(l);
        if (status != R2G_OK)
            return status;
    }
    *w = (struct r2g_jpeg_writing){.next = l->out[row].bytes};
    return R2G_OK;
}

static r2g_status walk_apart_row(struct luma *l, bool last) {
    const struct r2g_jpeg_luma_plan *plan = &l->plan;
    struct r2g_jpeg_run *run = &l->run;
    unsigned edge = plan->blocks_across - (plan->mcus_across - 1) * plan->across;
    run->mcu = 0;
    run->kept_across = plan->across;
    run->kept_down = last ? plan->blocks_down - (plan->mcus_down - 1) * plan->down : plan->down;
    r2g_status status = walk_intervals(l, plan->mcus_across - 1);
    run->kept_across = edge;
    if (status == R2G_OK)
        status = walk_intervals(l, 1);
    for (unsigned row = 1; row < run->kept_down && status == R2G_OK; row++)
        status = join_row(l, row);
    run->row_dc[0] = run->row_dc[run->kept_down - 1];
    return status;
}

static r2g_status walk_picture(struct luma *l) {
    const struct r2g_jpeg_luma_plan *plan = &l->plan;
    if (plan->same_order) /* at most 8192 x 8192: a JPEG ends at 65535 pixels a side */
        return walk_intervals(l, plan->mcus_across * plan->mcus_down);
    r2g_status status = R2G_OK;
    for (uint32_t row = 0; row < plan->mcus_down && status == R2G_OK; row++)
        status = walk_apart_row(l, row + 1 == plan->mcus_down);
    return status;
}

/* Lets libjpeg read the rest of the file as if it followed a start marker: to the end marker, past everything that may
 * stand there. */
static void step_tail(void *object) {
    struct r2g_jpeg_reader *reader = object;
    static const uint8_t soi[2] = {0xFF, 0xD8};
    jpeg_destroy_decompress(&reader->cinfo);
    r2g_jpeg_reader_create(reader);
    reader->input.next_input_byte = soi;
    reader->input.bytes_in_buffer = sizeof soi;
    if (jpeg_read_header(&reader->cinfo, FALSE) != JPEG_HEADER_TABLES_ONLY)
        r2g_jpeg_reader_leave(reader, "a second scan behind the picture's only one");
    if (reader->past_end)
        r2g_jpeg_note(&reader->seam, "the end marker is missing");
}

static r2g_status finish(struct luma *l) {
    r2g_status status = find_marker(l);
    if (status != R2G_OK)
        return status;
    if (l->scan.filled)
        r2g_jpeg_note(&l->reader->seam, "fill bytes within the picture");
    l->reader->offset = l->scan.marker_offset;
    status = r2g_jpeg_guard(&l->reader->seam, step_tail, l->reader, l->err);
    if (status == R2G_OK)
        status = end_interval(l, JPEG_EOI);
    return status == R2G_OK ? write_stuffed(l) : status;
}

static r2g_status copy_luma(struct luma *l, const struct r2g_metadata *metadata) {
    if (!r2g_jpeg_luma_plan_make(&l->plan, l->reader))
        return r2g_fail(l->err, R2G_EINTERNAL, "this JPEG's luma bits cannot be copied");
    r2g_status status = start(l);
    if (status == R2G_OK)
        status = r2g_jpeg_luma_head(&l->plan, l->reader, metadata, &l->stuffed, l->err);
    if (status == R2G_OK)
        status = write_stuffed(l);
    if (status == R2G_OK)
        status = walk_picture(l);
    return status == R2G_OK ? finish(l) : status;
}

r2g_status r2g_jpeg_copy_luma(struct r2g_jpeg_reader *self, const struct r2g_metadata *metadata,
                              struct r2g_transcode_io *io, struct r2g_error *err) {
    struct luma *l = r2g_new(sizeof *l, err);
    if (l == NULL)
        return R2G_ENOMEM;
    l->reader = self;
    l->io = io;
    l->err = err;
    r2g_status status = copy_luma(l, metadata);
    io->read_ns = l->scan.read_ns;
    r2g_jpeg_scan_close(&l->scan);
    for (unsigned i = 0; i < R2G_JPEG_ROWS_MAX; i++)
        r2g_buffer_free(&l->out[i]);
    r2g_buffer_free(&l->stuffed);
    for (int i = 0; i < 3; i++)
        free(l->walks[i]);
    free(l);
    return status;
}
