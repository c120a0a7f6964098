#include "codec/jpeg_luma.h"

#include <string.h>

static uint32_t ceil_div(uint32_t a, uint32_t b) {
    return (uint32_t)(((uint64_t)a + b - 1) / b);
}

/* One Huffman scan that has all of the picture, in the usual order and to the last bit. */
static bool has_plain_scan(const struct jpeg_decompress_struct *cinfo) {
    if (cinfo->progressive_mode || cinfo->arith_code || cinfo->comps_in_scan != cinfo->num_components ||
        (cinfo->num_components != 1 && cinfo->num_components != 3) || cinfo->Ss != 0 || cinfo->Se != DCTSIZE2 - 1 ||
        cinfo->Ah != 0 || cinfo->Al != 0)
        return false;
    for (int i = 0; i < cinfo->comps_in_scan; i++)
        if (cinfo->cur_comp_info[i] != &cinfo->comp_info[i])
            return false;
    return true;
}

static void take_shape(struct r2g_jpeg_luma_plan *plan, const struct jpeg_decompress_struct *cinfo) {
    const jpeg_component_info *c = cinfo->comp_info;
    bool gray = cinfo->num_components == 1; /* then an MCU is one block, whatever the factors (T.81, A.2.2) */
    plan->across = gray ? 1 : (unsigned)c[0].h_samp_factor;
    plan->down = gray ? 1 : (unsigned)c[0].v_samp_factor;
    for (int i = 0; i < 2; i++)
        plan->chroma[i] = gray ? 0 : (unsigned)(c[i + 1].h_samp_factor * c[i + 1].v_samp_factor);
    plan->blocks_across = ceil_div(cinfo->image_width, DCTSIZE);
    plan->blocks_down = ceil_div(cinfo->image_height, DCTSIZE);
    plan->mcus_across = ceil_div(plan->blocks_across, plan->across);
    plan->mcus_down = ceil_div(plan->blocks_down, plan->down);
    plan->restart_interval = cinfo->restart_interval;
    plan->same_order = plan->down == 1 && plan->mcus_across * plan->across == plan->blocks_across &&
                       plan->restart_interval * plan->across <= UINT16_MAX;
}

bool r2g_jpeg_luma_plan_make(struct r2g_jpeg_luma_plan *plan, const struct r2g_jpeg_reader *reader) {
    memset(plan, 0, sizeof *plan);
    if (!has_plain_scan(&reader->cinfo))
        return false;
    take_shape(plan, &reader->cinfo);
    /* what is damaged is found out when the work begins */
    if (r2g_jpeg_luma_codes(reader, 0, &plan->dc, &plan->ac, NULL) != R2G_OK || plan->same_order)
        return true;
    return r2g_jpeg_dc_complete(&plan->dc, &plan->dc_codes);
}

static r2g_status take_codes(const JHUFF_TBL *const tables[NUM_HUFF_TBLS], int number,
                             const struct r2g_jpeg_codes standard[2], struct r2g_jpeg_codes *codes,
                             struct r2g_error *err) {
    if (number < 0 || number >= NUM_HUFF_TBLS || (tables[number] == NULL && number > 1))
        return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: Huffman table %d is not defined", number);
    if (tables[number] == NULL) {
        *codes = standard[number];
        return R2G_OK;
    }
    memcpy(codes->counts, tables[number]->bits, sizeof codes->counts);
    memcpy(codes->symbols, tables[number]->huffval, sizeof codes->symbols);
    codes->counts[0] = 0;
    return R2G_OK;
}

r2g_status r2g_jpeg_luma_codes(const struct r2g_jpeg_reader *reader, int component, struct r2g_jpeg_codes *dc,
                               struct r2g_jpeg_codes *ac, struct r2g_error *err) {
    const struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    const jpeg_component_info *c = &cinfo->comp_info[component];
    const JHUFF_TBL *dc_tables[NUM_HUFF_TBLS], *ac_tables[NUM_HUFF_TBLS];
    for (int i = 0; i < NUM_HUFF_TBLS; i++) {
        dc_tables[i] = cinfo->dc_huff_tbl_ptrs[i];
        ac_tables[i] = cinfo->ac_huff_tbl_ptrs[i];
    }
    r2g_status status = take_codes(dc_tables, c->dc_tbl_no, r2g_jpeg_standard_dc, dc, err);
    return status == R2G_OK ? take_codes(ac_tables, c->ac_tbl_no, r2g_jpeg_standard_ac, ac, err) : status;
}

r2g_status r2g_jpeg_luma_check(const struct r2g_jpeg_reader *reader, struct r2g_error *err) {
    const struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    int blocks = 0;
    for (int i = 0; i < cinfo->num_components; i++) {
        const jpeg_component_info *c = &cinfo->comp_info[i];
        if (c->quant_tbl_no < 0 || c->quant_tbl_no >= NUM_QUANT_TBLS || cinfo->quant_tbl_ptrs[c->quant_tbl_no] == NULL)
            return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: quantization table %d is not defined",
                            c->quant_tbl_no);
        blocks += c->h_samp_factor * c->v_samp_factor;
    }
    if (cinfo->num_components > 1 && blocks > D_MAX_BLOCKS_IN_MCU)
        return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: sampling factors too large for one scan");
    return R2G_OK;
}

/* The head's bytes on their way: room is made once, for the most that tables can be. */
struct head {
    uint8_t bytes[1024];
    size_t nbytes;
};

static void add(struct head *head, unsigned byte) {
    head->bytes[head->nbytes++] = (uint8_t)byte;
}

static void add16(struct head *head, unsigned value) {
    add(head, value >> 8 & 255);
    add(head, value & 255);
}

/* Returns whether the table is one of 16-bit values. */
static bool add_quantization(struct head *head, const JQUANT_TBL *table) {
    static const uint8_t zigzag[DCTSIZE2] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                             12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                             35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                             58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
    bool wide = false;
    for (int i = 0; i < DCTSIZE2; i++)
        wide = wide || table->quantval[i] > UINT8_MAX;
    add16(head, 0xFFDB);
    add16(head, 3 + DCTSIZE2 * (wide ? 2 : 1));
    add(head, wide ? 0x10 : 0);
    for (int i = 0; i < DCTSIZE2; i++) {
        if (wide)
            add16(head, table->quantval[zigzag[i]]);
        else
            add(head, table->quantval[zigzag[i]]);
    }
    return wide;
}

static void add_codes(struct head *head, unsigned class_and_number, const struct r2g_jpeg_codes *codes) {
    unsigned count = 0;
    for (unsigned i = 1; i <= 16; i++)
        count += codes->counts[i];
    add16(head, 0xFFC4);
    add16(head, 19 + count);
    add(head, class_and_number);
    for (unsigned i = 1; i <= 16; i++)
        add(head, codes->counts[i]);
    for (unsigned i = 0; i < count; i++)
        add(head, codes->symbols[i]);
}

/* Tables, frame header and scan header (T.81, B.2). */
static void add_tables(struct head *head, const struct r2g_jpeg_luma_plan *plan, const struct r2g_jpeg_reader *reader) {
    const struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    bool wide = add_quantization(head, cinfo->quant_tbl_ptrs[cinfo->comp_info[0].quant_tbl_no]);
    add16(head, wide ? 0xFFC1 : 0xFFC0); /* a baseline frame has 8-bit tables */
    add16(head, 11);
    add(head, 8);
    add16(head, cinfo->image_height);
    add16(head, cinfo->image_width);
    add(head, 1);
    add16(head, 1 << 8 | 0x11); /* component 1, sampling 1 x 1 */
    add(head, 0);
    add_codes(head, 0x00, &plan->dc);
    add_codes(head, 0x10, &plan->ac);
    if (plan->same_order && plan->restart_interval > 0) {
        add16(head, 0xFFDD);
        add16(head, 4);
        add16(head, plan->restart_interval * plan->across);
    }
    add16(head, 0xFFDA);
    add16(head, 8);
    add(head, 1);
    add16(head, 1 << 8);
    add16(head, DCTSIZE2 - 1);
    add(head, 0);
}

r2g_status r2g_jpeg_luma_head(const struct r2g_jpeg_luma_plan *plan, const struct r2g_jpeg_reader *reader,
                              const struct r2g_metadata *metadata, struct r2g_buffer *out, struct r2g_error *err) {
    struct r2g_raster raster = {.width = reader->base.image.width,
                                .height = reader->base.image.height,
                                .channels = 1,
                                .maxval = 255,
                                .block_count = 1,
                                .quality = 90}; /* of tables that are not written */
    r2g_status status = r2g_jpeg_write_front(&raster, metadata, out, err);
    if (status != R2G_OK)
        return status;
    struct head head = {.nbytes = 0};
    add_tables(&head, plan, reader);
    return r2g_buffer_append(out, head.bytes, head.nbytes, err);
}
