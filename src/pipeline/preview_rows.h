/* Rows for previews: any picture's as 8-bit gray or RGB, alpha laid on white. One owner, one thread. */
#ifndef R2G_PIPELINE_PREVIEW_ROWS_H
#define R2G_PIPELINE_PREVIEW_ROWS_H

#include "base/buffer.h"
#include "base/source.h"
#include "codec/codec.h"
#include "pipeline/preview.h"

struct r2g_preview_rows {
    const struct r2g_options *options;
    struct r2g_read_options read_options;
    struct r2g_budget budget;
    struct r2g_source *source;
    struct r2g_reader *reader;
    uint32_t width, height;       /* as stored */
    uint32_t channels;            /* 1 or 3 */
    unsigned orientation;         /* 1 to 8 */
    struct r2g_buffer batch, row; /* rows as read; and one of 8 bits */
    uint8_t *table;               /* by sample: its 8-bit value; NULL where samples are just that */
    uint32_t next_row, batch_row, batch_count;
};

/* Opens the request's input. Errors name it. Call r2g_preview_rows_close afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_preview_rows_open(struct r2g_preview_rows *rows,
                                                const struct r2g_preview_request *request, struct r2g_error *err);
void r2g_preview_rows_close(struct r2g_preview_rows *rows);

/* *row becomes the next stored row, valid until the next call: width * channels bytes. Not past the last one.
 * R2G_ECANCELED when the options' progress says so. */
R2G_MUST_CHECK r2g_status r2g_preview_rows_next(struct r2g_preview_rows *rows, const uint8_t **row,
                                                struct r2g_error *err);

/* Copies a picture of width x height pixels to `to`, upright. */
void r2g_preview_turn(const uint8_t *from, uint32_t width, uint32_t height, uint32_t channels, unsigned orientation,
                      uint8_t *to);
/* The same for row `y` of the upright picture, which has `upright_width` pixels. */
void r2g_preview_turn_row(const uint8_t *from, uint32_t width, uint32_t height, uint32_t channels, unsigned orientation,
                          uint32_t y, uint32_t upright_width, uint8_t *to);

#endif
