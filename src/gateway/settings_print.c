/* --help, the manual page, --version and --new-token. */
#include "gateway/settings_parts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"
#include "base/troff.h"
#include "gateway/http.h"

#define WIDTH 79
#define HELP_COLUMN 24
#define TOKEN_NBYTES 32

static void help_text(const struct r2g_setting *setting, char *text, size_t text_nbytes) {
    bool told = !setting->standard || setting->kind == R2G_SETTING_FLAG;
    snprintf(text, text_nbytes, "%s%s%s%s", setting->help, told ? "" : " Default: ", told ? "" : setting->standard,
             told ? "" : ".");
}

static void print_option(FILE *file, const struct r2g_setting *setting) {
    char names[60], text[600];
    const char *dashes = setting->kind == R2G_SETTING_TOKEN ? "  " : "--";
    int length = snprintf(names, sizeof names, "  %c%c%s %s%s%s%s", setting->letter ? '-' : ' ',
                          setting->letter ? setting->letter : ' ', setting->letter ? "," : " ", dashes, setting->name,
                          setting->argument ? " " : "", setting->argument ? setting->argument : "");
    fputs(names, file);
    if (length > HELP_COLUMN - 2)
        fprintf(file, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(file, "%*s", HELP_COLUMN - length, "");
    help_text(setting, text, sizeof text);
    r2g_text_wrap(file, text, HELP_COLUMN, HELP_COLUMN, WIDTH);
}

void r2g_settings_print_help(FILE *file) {
    fputs("rgb2gray-gateway takes colour pictures over HTTP, runs rgb2gray on them under\n"
          "mpirun, a kept pool of processes or Slurm, and gives the gray ones back.\n"
          "\n"
          "  rgb2gray-gateway [OPTIONS]\n"
          "\n"
          "It serves a page at the address it prints, and an API below /api/v1 (described\n"
          "at /api/v1/openapi.json). It listens to this computer only, unless told.\n",
          file);
    for (int group = 0; group < R2G_SETTING_GROUPS; group++) {
        fprintf(file, "\n%s:\n", r2g_setting_group_titles[group]);
        for (const struct r2g_setting *setting = r2g_settings_table; setting->name; setting++) {
            if ((int)setting->group == group && setting->help)
                print_option(file, setting);
        }
    }
    fputs("\nExamples:\n"
          "  rgb2gray-gateway\n"
          "  rgb2gray-gateway --port 9000 --ranks 8 --hostfile hosts --spool /shared/spool\n"
          "  rgb2gray-gateway --config /etc/rgb2gray/gateway.conf\n",
          file);
}

void r2g_settings_print_version(FILE *file) {
    fprintf(file, "rgb2gray-gateway %s\n", R2G_VERSION);
    fprintf(file, "  civetweb         %s\n", r2g_http_library());
    fprintf(file, "  SQLite           %s\n", sqlite3_libversion());
    fprintf(file, "  OpenSSL          %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
}

static void print_options(FILE *file) {
    fputs(".SH OPTIONS\n", file);
    for (int group = 0; group < R2G_SETTING_GROUPS; group++) {
        fprintf(file, ".SS %s\n", r2g_setting_group_titles[group]);
        for (const struct r2g_setting *setting = r2g_settings_table; setting->name; setting++) {
            char text[600];
            if ((int)setting->group != group || !setting->help)
                continue;
            help_text(setting, text, sizeof text);
            if (setting->kind == R2G_SETTING_TOKEN)
                r2g_troff_entry(file, "token NAME:SHA256", text);
            else
                r2g_troff_option(file, setting->letter, setting->name, setting->argument, text);
        }
    }
}

static const char *const description[] = {
    "rgb2gray-gateway takes colour pictures over HTTP, runs rgb2gray(1) on them, and gives the gray ones back. It "
    "serves "
    "a page for people and an API for programs, below /api/v1, described at /api/v1/openapi.json.",
    "When it is ready it prints one line with its address on standard output. It logs to standard error: one line for "
    "each request, without names or paths that a client sent. SIGTERM and SIGINT end it; what runs is begun again at "
    "the "
    "next start. A second signal ends it at once.",
    "What it has accepted with an answer of 2xx is on disk, and survives the death of any of its processes.",
    NULL,
};

static const char *const configuration[] = {
    "Each line of the file that --config names is 'name = value', with the names of the long options; options that "
    "take "
    "no value take yes or no. Empty lines, and lines that begin with '#', are passed over. The command line wins. "
    "Options that may be repeated add up.",
    NULL,
};

static const char *const security[] = {
    "It listens on 127.0.0.1 unless told, and refuses another address while no token is set, but with --insecure. "
    "Requests whose Host header is none of its names are refused, and so are those that a page of another site sent.",
    "A client shows its token as 'Authorization: Bearer TOKEN'. A browser trades it for a cookie with POST "
    "/api/v1/session. Jobs are seen only by the token that made them.",
    "TLS: see --tls-cert, and the example of a configuration of nginx in the sources.",
    NULL,
};

static void print_examples(FILE *file) {
    static const char *const examples[][2] = {
        {"For this computer:", "rgb2gray-gateway"},
        {"One picture:", "curl --data-binary @in.png -o out.png http://127.0.0.1:8080/api/v1/convert"},
        {"A token for a client:", "rgb2gray-gateway --new-token radiology"},
        {"With a configuration file:", "rgb2gray-gateway --config /etc/rgb2gray/gateway.conf"},
    };
    fputs(".SH EXAMPLES\n", file);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        fputs(i > 0 ? ".PP\n" : "", file);
        r2g_troff_text(file, examples[i][0]);
        r2g_troff_example(file, examples[i][1]);
    }
}

void r2g_settings_print_man(FILE *file) {
    fprintf(file, ".TH RGB2GRAY\\-GATEWAY 1 2026-11-24 \"rgb2gray %s\" \"User Commands\"\n", R2G_VERSION);
    fputs(".SH NAME\nrgb2gray\\-gateway \\- turn colour pictures into grayscale over HTTP\n"
          ".SH SYNOPSIS\n.B rgb2gray\\-gateway\n[\\fIoptions\\fP]\n",
          file);
    r2g_troff_section(file, "DESCRIPTION", description);
    print_options(file);
    r2g_troff_section(file, "CONFIGURATION FILE", configuration);
    r2g_troff_section(file, "SECURITY", security);
    fputs(".SH EXIT STATUS\n", file);
    r2g_troff_entry(file, "0", "It was told to end, and did.");
    r2g_troff_entry(file, "1", "A state that should not occur: please report it.");
    r2g_troff_entry(file, "2", "Settings make no sense, or the address or spool is in use.");
    r2g_troff_entry(file, "3", "A file that a setting names cannot be read.");
    r2g_troff_entry(file, "7", "The spool or standard output cannot be written.");
    r2g_troff_entry(file, "9", "The system refused memory.");
    fputs(".SH ENVIRONMENT\n", file);
    r2g_troff_entry(file, "XDG_STATE_HOME, HOME", "Where the spool is kept, unless --spool tells.");
    print_examples(file);
    fputs(".SH SEE ALSO\n.BR rgb2gray (1),\n.BR mpirun (1),\n.BR sbatch (1)\n", file);
}

r2g_status r2g_settings_print_token(FILE *file, const char *name, struct r2g_error *err) {
    unsigned char random[TOKEN_NBYTES], hash[EVP_MAX_MD_SIZE];
    char token[2 * TOKEN_NBYTES + 1], hex[2 * R2G_TOKEN_HASH_NBYTES + 1];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return r2g_fail(err, R2G_EINTERNAL, "the kernel gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    if (EVP_Digest(token, strlen(token), hash, NULL, EVP_sha256(), NULL) != 1)
        return r2g_fail(err, R2G_EINTERNAL, "SHA-256 failed");
    for (size_t i = 0; i < R2G_TOKEN_HASH_NBYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    fprintf(file,
            "# The token of %s, which is shown once and kept nowhere:\n%s\n"
            "# The line for the configuration file:\ntoken = %s:%s\n",
            name, token, name, hex);
    OPENSSL_cleanse(token, sizeof token);
    return R2G_OK;
}
