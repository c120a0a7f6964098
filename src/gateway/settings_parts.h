/* What settings*.c share. */
#ifndef R2G_GATEWAY_SETTINGS_PARTS_H
#define R2G_GATEWAY_SETTINGS_PARTS_H

#include "gateway/settings.h"
#include "gateway/settings_table.h"

/* The setting of this name, or NULL. */
const struct r2g_setting *r2g_setting_by_name(const char *name);
/* The name that differs least, or NULL. */
const char *r2g_setting_nearest(const char *name);
/* Sets it from a text; `label` names it in messages. value is NULL for a flag on the command line. R2G_EUSAGE, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_setting_apply(struct r2g_settings *settings, const struct r2g_setting *setting,
                                            const char *label, const char *value, struct r2g_error *err);
/* A copy that r2g_settings_free releases; NULL and R2G_ENOMEM. */
char *r2g_settings_keep(struct r2g_settings *settings, const char *text, struct r2g_error *err);
/* Reads the configuration file. R2G_EINPUT, R2G_EUSAGE with file and line, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_settings_read_file(struct r2g_settings *settings, const char *path,
                                                 struct r2g_error *err);
/* Fills what was not set and is found out on this computer, and checks what must go together. */
R2G_MUST_CHECK r2g_status r2g_settings_complete(struct r2g_settings *settings, struct r2g_error *err);

#endif
