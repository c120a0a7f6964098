#include "gateway/settings.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/values.h"
#include "gateway/settings_parts.h"

#define LIST_COUNT 64
#define MOST_SETTINGS 64

/* One piece of memory, in a list. */
struct owned {
    struct owned *next;
    char bytes[];
};

static void *take(struct r2g_settings *settings, size_t nbytes, struct r2g_error *err) {
    struct owned *owned = r2g_new(sizeof *owned + nbytes, err);
    if (!owned)
        return NULL;
    owned->next = settings->owned;
    settings->owned = owned;
    return owned->bytes;
}

char *r2g_settings_keep(struct r2g_settings *settings, const char *text, struct r2g_error *err) {
    char *copy = take(settings, strlen(text) + 1, err);
    if (copy)
        strcpy(copy, text);
    return copy;
}

void r2g_settings_free(struct r2g_settings *settings) {
    struct owned *owned = settings->owned;
    while (owned) {
        struct owned *next = owned->next;
        free(owned);
        owned = next;
    }
    free(settings->tokens);
    memset(settings, 0, sizeof *settings);
}

const struct r2g_setting *r2g_setting_by_name(const char *name) {
    for (const struct r2g_setting *setting = r2g_settings_table; setting->name; setting++) {
        if (strcmp(setting->name, name) == 0)
            return setting;
    }
    return NULL;
}

const char *r2g_setting_nearest(const char *name) {
    const char *names[MOST_SETTINGS + 1] = {NULL};
    size_t count = 0;
    for (const struct r2g_setting *setting = r2g_settings_table; setting->name && count < MOST_SETTINGS; setting++)
        names[count++] = setting->name;
    return r2g_value_nearest(name, names);
}

/* ---- values ---- */

/* "90", "90s", "15m", "24h", "7d". */
static r2g_status read_seconds(const struct r2g_setting *setting, const char *label, const char *text, unsigned *value,
                               struct r2g_error *err) {
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t digits = strspn(text, "0123456789");
    uint64_t number = digits > 0 && digits < 11 ? strtoull(text, NULL, 10) : 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        bool match = text[digits] == units[i].letter && (text[digits] == '\0' || text[digits + 1] == '\0');
        uint64_t seconds = number * units[i].seconds;
        if (match && seconds >= setting->least && seconds <= setting->most) {
            *value = (unsigned)seconds;
            return R2G_OK;
        }
    }
    return r2g_fail(err, R2G_EUSAGE, "%s takes a time such as 90s, 15m, 24h or 7d, not \"%.40s\"", label, text);
}

static r2g_status read_flag(const char *label, const char *text, bool *value, struct r2g_error *err) {
    static const char *const words[] = {"yes", "no", NULL};
    int index = 0;
    r2g_status status = text ? r2g_value_word(label, text, words, &index, err) : R2G_OK;
    *value = index == 0;
    return status;
}

/* Appends to a NULL-terminated list of at most LIST_COUNT texts. */
static r2g_status add_to_list(struct r2g_settings *settings, const char *const **list, const char *label,
                              const char *text, struct r2g_error *err) {
    size_t count = 0;
    while (*list && (*list)[count])
        count++;
    if (count == LIST_COUNT)
        return r2g_fail(err, R2G_EUSAGE, "%s may be given %d times at most", label, LIST_COUNT);
    const char **longer = take(settings, (count + 2) * sizeof *longer, err);
    const char *copy = r2g_settings_keep(settings, text, err);
    if (!longer || !copy)
        return R2G_ENOMEM;
    for (size_t i = 0; i < count; i++)
        longer[i] = (*list)[i];
    longer[count] = copy;
    *list = longer;
    return R2G_OK;
}

static bool is_client_name(const char *name, size_t length) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return length > 0 && length < sizeof((struct r2g_token *)0)->name && strspn(name, letters) >= length;
}

static r2g_status add_token(struct r2g_settings *settings, const char *label, const char *text, struct r2g_error *err) {
    static const char digits[] = "0123456789abcdef";
    const char *colon = strchr(text, ':');
    size_t name_length = colon ? (size_t)(colon - text) : 0;
    struct r2g_token token = {0};
    if (!colon || !is_client_name(text, name_length) || strlen(colon + 1) != 2 * (size_t)R2G_TOKEN_HASH_NBYTES)
        return r2g_fail(err, R2G_EUSAGE, "%s takes NAME:SHA256, as --new-token NAME prints it", label);
    memcpy(token.name, text, name_length);
    for (size_t i = 0; i < R2G_TOKEN_HASH_NBYTES; i++) {
        const char *high = strchr(digits, tolower((unsigned char)colon[1 + 2 * i]));
        const char *low = strchr(digits, tolower((unsigned char)colon[2 + 2 * i]));
        if (!high || !low)
            return r2g_fail(err, R2G_EUSAGE, "%s takes 64 hexadecimal digits behind the name", label);
        token.sha256[i] = (uint8_t)((high - digits) * 16 + (low - digits));
    }
    struct r2g_token *longer = realloc(settings->tokens, (settings->token_count + 1) * sizeof *longer);
    if (!longer)
        return r2g_fail(err, R2G_ENOMEM, "out of memory for tokens");
    settings->tokens = longer;
    settings->tokens[settings->token_count++] = token;
    return R2G_OK;
}

static r2g_status set_text(struct r2g_settings *settings, const char **target, const char *label, const char *text,
                           struct r2g_error *err) {
    if (text[0] == '\0')
        return r2g_fail(err, R2G_EUSAGE, "%s needs a value", label);
    *target = r2g_settings_keep(settings, text, err);
    return *target ? R2G_OK : R2G_ENOMEM;
}

static r2g_status set_launcher(struct r2g_settings *settings, const char *label, const char *text,
                               struct r2g_error *err) {
    static const char *const words[] = {"auto", "mpirun", "pool", "slurm", NULL};
    int index;
    r2g_status status = r2g_value_word(label, text, words, &index, err);
    if (status == R2G_OK)
        settings->launcher = words[index];
    return status;
}

static r2g_status set_command(struct r2g_settings *settings, const struct r2g_setting *setting, const char *label,
                              const char *text, struct r2g_error *err) {
    settings->command = (enum r2g_gateway_command)setting->least;
    if (!text)
        return R2G_OK;
    if (!is_client_name(text, strlen(text)))
        return r2g_fail(err, R2G_EUSAGE, "%s takes a name of letters, digits, '.', '_' and '-'", label);
    return set_text(settings, &settings->new_token, label, text, err);
}

r2g_status r2g_setting_apply(struct r2g_settings *settings, const struct r2g_setting *setting, const char *label,
                             const char *text, struct r2g_error *err) {
    void *target = (char *)settings + setting->offset;
    uint64_t number = 0;
    r2g_status status;
    switch (setting->kind) {
    case R2G_SETTING_TEXT:
        return set_text(settings, target, label, text, err);
    case R2G_SETTING_PORT:
        status = r2g_value_number(label, text, setting->least, setting->most, &number, err);
        *(uint16_t *)target = (uint16_t)number;
        return status;
    case R2G_SETTING_NUMBER:
        status = r2g_value_number(label, text, setting->least, setting->most, &number, err);
        *(unsigned *)target = (unsigned)number;
        return status;
    case R2G_SETTING_SECONDS:
        return read_seconds(setting, label, text, target, err);
    case R2G_SETTING_COUNT:
        return r2g_value_count(label, text, target, err);
    case R2G_SETTING_SIZE:
        return r2g_value_size(label, text, target, err);
    case R2G_SETTING_FLAG:
        return read_flag(label, text, target, err);
    case R2G_SETTING_LIST:
        return add_to_list(settings, target, label, text, err);
    case R2G_SETTING_LAUNCHER:
        return set_launcher(settings, label, text, err);
    case R2G_SETTING_TOKEN:
        return add_token(settings, label, text, err);
    case R2G_SETTING_CONFIG:
        return R2G_OK;
    case R2G_SETTING_COMMAND:
        return set_command(settings, setting, label, text, err);
    }
    return R2G_OK;
}

/* ---- the command line ---- */

/* What getopt found, in order: the file is read before it counts. */
struct line {
    const struct r2g_setting *setting;
    const char *value;
    char label[40];
};

/* An argument that getopt did not accept. */
static r2g_status refuse(const char *argument, bool missing, struct r2g_error *err) {
    if (strncmp(argument, "--", 2) != 0)
        return missing ? r2g_fail(err, R2G_EUSAGE, "-%c needs a value", optopt)
                       : r2g_fail(err, R2G_EUSAGE, "there is no option -%c", optopt);
    if (missing)
        return r2g_fail(err, R2G_EUSAGE, "%.60s needs a value", argument);
    char word[40];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    const struct r2g_setting *known = r2g_setting_by_name(word);
    if (known && known->kind == R2G_SETTING_TOKEN)
        return r2g_fail(err, R2G_EUSAGE, "--token stands in the configuration file only: others see a command line");
    if (known)
        return r2g_fail(err, R2G_EUSAGE, "--%s takes no value", word);
    size_t matches = 0;
    for (const struct r2g_setting *setting = r2g_settings_table; setting->name; setting++)
        matches += strncmp(setting->name, word, strlen(word)) == 0;
    if (matches > 1)
        return r2g_fail(err, R2G_EUSAGE, "--%s could be the beginning of several options", word);
    const char *nearest = r2g_setting_nearest(word);
    if (nearest)
        return r2g_fail(err, R2G_EUSAGE, "there is no option --%s; did you mean --%s?", word, nearest);
    return r2g_fail(err, R2G_EUSAGE, "there is no option --%s", word);
}

static r2g_status read_line(struct line *lines, int *count, int argc, char **argv, struct r2g_error *err) {
    struct option longs[MOST_SETTINGS + 1] = {0};
    char letters[2 * MOST_SETTINGS] = ":";
    size_t used = 0;
    for (int i = 0; r2g_settings_table[i].name; i++) {
        const struct r2g_setting *setting = &r2g_settings_table[i];
        size_t end = strlen(letters);
        /* values from 256 on cannot be taken for a letter */
        if (setting->kind != R2G_SETTING_TOKEN)
            longs[used++] =
                (struct option){setting->name, setting->argument ? required_argument : no_argument, NULL, 256 + i};
        if (setting->letter)
            snprintf(letters + end, sizeof letters - end, "%c%s", setting->letter, setting->argument ? ":" : "");
    }
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    int got;
    while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (got == '?' || got == ':')
            return refuse(argv[optind - 1], got == ':', err);
        int index = got - 256;
        for (int i = 0; got < 256 && r2g_settings_table[i].name; i++) {
            if (r2g_settings_table[i].letter == got)
                index = i;
        }
        struct line *line = &lines[(*count)++];
        line->setting = &r2g_settings_table[index];
        line->value = optarg;
        if (got < 256)
            snprintf(line->label, sizeof line->label, "-%c", got);
        else
            snprintf(line->label, sizeof line->label, "--%s", line->setting->name);
    }
    if (optind < argc)
        return r2g_fail(err, R2G_EUSAGE, "\"%.60s\" is not an option: this program takes no files", argv[optind]);
    return R2G_OK;
}

static r2g_status set_defaults(struct r2g_settings *settings, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    for (const struct r2g_setting *setting = r2g_settings_table; setting->name && status == R2G_OK; setting++) {
        if (setting->standard)
            status = r2g_setting_apply(settings, setting, setting->name, setting->standard, err);
    }
    return status;
}

r2g_status r2g_settings_read(struct r2g_settings *settings, int argc, char **argv, struct r2g_error *err) {
    memset(settings, 0, sizeof *settings);
    /* "-ab" may stand for two options: at most one a character */
    size_t most = 1;
    for (int i = 1; i < argc; i++)
        most += strlen(argv[i]);
    struct line *lines = r2g_new(most * sizeof *lines, err);
    if (!lines)
        return R2G_ENOMEM;
    int count = 0;
    r2g_status status = read_line(lines, &count, argc, argv, err);
    if (status == R2G_OK)
        status = set_defaults(settings, err);
    for (int i = 0; i < count && status == R2G_OK; i++) {
        if (lines[i].setting->kind == R2G_SETTING_CONFIG)
            status = r2g_settings_read_file(settings, lines[i].value, err);
    }
    for (int i = 0; i < count && status == R2G_OK; i++)
        status = r2g_setting_apply(settings, lines[i].setting, lines[i].label, lines[i].value, err);
    free(lines);
    if (status != R2G_OK || settings->command != R2G_GATEWAY_SERVE)
        return status;
    return r2g_settings_complete(settings, err);
}
