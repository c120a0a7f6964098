/* The parts of the JPEG codec: the header's markers, the reader, the encoder. Private to the codec. */
#ifndef R2G_CODEC_JPEG_PARTS_H
#define R2G_CODEC_JPEG_PARTS_H

#include "codec/codec.h"

/* What the markers before the first scan say beside metadata. */
struct r2g_jpeg_header {
    uint8_t sof; /* the frame header's marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC9/0xCA arithmetic */
    bool huffman_tables;
};

/* Walks the markers from SOI to the first SOS (ITU-T T.81, B.1 and B.2), fills *header and *metadata (initialised by
 * the caller, who frees it also on failure). R2G_EFORMAT for kinds of JPEG that the reader does not know, R2G_ECORRUPT,
 * R2G_ELIMIT when there is too much metadata, R2G_EINPUT, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_jpeg_read_markers(const struct r2g_source *source, struct r2g_budget *budget,
                                                struct r2g_jpeg_header *header, struct r2g_metadata *metadata,
                                                struct r2g_error *err);

/* The slots of struct r2g_codec. */
R2G_MUST_CHECK r2g_status r2g_jpeg_open(struct r2g_reader **reader, const struct r2g_source *source,
                                        const struct r2g_read_options *options, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_jpeg_read_rows(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count,
                                             void *rows, size_t stride, struct r2g_error *err);
enum r2g_transcode r2g_jpeg_transcode_way(const struct r2g_reader *reader);
R2G_MUST_CHECK r2g_status r2g_jpeg_transcode(struct r2g_reader *reader, const struct r2g_metadata *metadata,
                                             struct r2g_transcode_io *io, struct r2g_error *err);
void r2g_jpeg_close(struct r2g_reader *reader);

extern const struct r2g_encoder r2g_jpeg_encoder;

/* Appends what stands before the tables of a gray JPEG: SOI, JFIF and metadata, as the encoder's header has them. */
R2G_MUST_CHECK r2g_status r2g_jpeg_write_front(const struct r2g_raster *raster, const struct r2g_metadata *metadata,
                                               struct r2g_buffer *out, struct r2g_error *err);

#endif
