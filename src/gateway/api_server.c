/* What this server can do and allows, for pages and programs that offer its options. */
#include "gateway/api.h"

#include <rgb2gray/luma.h>
#include <rgb2gray/rgb2gray.h>

static json_t *methods_json(void) {
    size_t count;
    const struct r2g_method_entry *methods = r2g_method_list(&count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *method = json_pack("{s:s, s:s}", "name", methods[i].name, "formula", methods[i].formula);
        json_array_append_new(list, method);
    }
    return list;
}

static json_t *formats_json(void) {
    json_t *list = json_array();
    for (const char *const *word = r2g_job_formats; *word; word++)
        json_array_append_new(list, json_string(*word));
    return list;
}

void r2g_api_server(struct r2g_http *http) {
    const struct r2g_settings *settings = http->settings;
    json_t *server = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o}", "version", r2g_version(), "ranks",
                               (json_int_t)settings->ranks, "max_ranks", (json_int_t)settings->max_ranks,
                               "max_body_nbytes", (json_int_t)settings->max_body_nbytes, "max_pixels",
                               (json_int_t)settings->max_pixels, "expire_seconds", (json_int_t)settings->expire_s,
                               "launcher", settings->launcher, "methods", methods_json(), "formats", formats_json());
    r2g_api_answer_json(http, 200, server);
}
