#include "cli/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/values.h"
#include "cli/batch_names.h"
#include "cli/options_table.h"
#include "codec/codec.h"
#include "pipeline/preview.h"

#define RANKS_MAX 100000

/* What the parser keeps beside its result. */
struct parse {
    struct r2g_cli *cli;
    bool seen[OPT_COUNT];
    char label[40]; /* the option at hand as the user wrote it: "--ranks" or "-n" */
    struct r2g_error *err;
};

static r2g_status set_format(struct parse *parse, const char *text) {
    const struct r2g_codec *codec = r2g_codec_by_name(text);
    if (codec) {
        parse->cli->options.format = codec->name;
        return R2G_OK;
    }
    static const char *const words[] = {"png", "jpeg", "bmp", "pgm", NULL};
    int index;
    return r2g_value_word(parse->label, text, words, &index, parse->err);
}

static r2g_status set_method(struct parse *parse, const char *text) {
    struct r2g_error unknown;
    r2g_status status = r2g_luma_from_name(&parse->cli->options.luma, text, &unknown);
    if (status == R2G_OK)
        return status;
    size_t count;
    const struct r2g_method_entry *methods = r2g_method_list(&count);
    const char *names[16] = {NULL};
    for (size_t i = 0; i < count && i < sizeof names / sizeof names[0] - 1; i++)
        names[i] = methods[i].name;
    const char *nearest = r2g_value_nearest(text, names);
    if (nearest)
        return r2g_fail(parse->err, R2G_EUSAGE, "%s; did you mean \"%s\"?", unknown.text, nearest);
    return r2g_fail(parse->err, R2G_EUSAGE, "%s", unknown.text);
}

static r2g_status set_number(struct parse *parse, const char *text, uint64_t least, uint64_t most, int *target) {
    uint64_t value = 0;
    r2g_status status = r2g_value_number(parse->label, text, least, most, &value, parse->err);
    *target = (int)value;
    return status;
}

static r2g_status set_choice(struct parse *parse, int option, const char *text) {
    static const char *const levels[] = {"fast", "default", "small", NULL};
    static const char *const alphas[] = {"keep", "flatten", NULL};
    static const char *const orients[] = {"tag", "apply", NULL};
    static const char *const reports[] = {"none", "text", "json", NULL};
    static const char *const progresses[] = {"auto", "none", "bar", "json", NULL};
    struct r2g_cli *cli = parse->cli;
    const char *const *words = option == OPT_COMPRESSION ? levels
                               : option == OPT_ALPHA     ? alphas
                               : option == OPT_ORIENT    ? orients
                               : option == OPT_REPORT    ? reports
                                                         : progresses;
    int index;
    r2g_status status = r2g_value_word(parse->label, text, words, &index, parse->err);
    if (status != R2G_OK)
        return status;
    switch (option) {
    case OPT_COMPRESSION:
        cli->options.compression = (unsigned)index;
        break;
    case OPT_ALPHA:
        cli->options.alpha = index == 0 ? R2G_ALPHA_KEEP : R2G_ALPHA_FLATTEN;
        break;
    case OPT_ORIENT:
        cli->options.orient = index == 0 ? R2G_ORIENT_TAG : R2G_ORIENT_APPLY;
        break;
    case OPT_REPORT:
        cli->report = (enum r2g_cli_report)(R2G_CLI_REPORT_NONE + index);
        break;
    default:
        cli->progress = (enum r2g_cli_progress)(R2G_CLI_PROGRESS_AUTO + index);
    }
    return R2G_OK;
}

/* Options without an argument. */
static void set_flag(struct r2g_cli *cli, int option) {
    switch (option) {
    case OPT_FORCE:
        cli->options.overwrite = true;
        break;
    case OPT_SYNC:
        cli->options.sync = true;
        break;
    case OPT_VIA_RGB:
        cli->options.via_rgb = true;
        break;
    case OPT_REENCODE:
        cli->options.reencode = true;
        break;
    case OPT_KEEP_EXIF:
        cli->options.keep_exif = true;
        break;
    case OPT_COMPARE:
        cli->compare = true;
        break;
    case OPT_EXPLAIN:
        cli->explain = true;
        break;
    case OPT_TILES:
        cli->tiles = true;
        break;
    case OPT_RESUME:
        cli->resume = true;
        break;
    case OPT_QUIET:
        cli->quiet = true;
        break;
    case OPT_HELP:
        cli->command = R2G_CLI_HELP;
        break;
    case OPT_VERSION:
        cli->command = R2G_CLI_VERSION;
        break;
    case OPT_MAN:
        cli->command = R2G_CLI_MAN;
        break;
    default:
        break;
    }
}

/* "K/N" with 1 <= K <= N. */
static r2g_status set_part(struct parse *parse, const char *text) {
    struct r2g_cli *cli = parse->cli;
    int used = 0;
    if (sscanf(text, "%6d/%6d%n", &cli->part, &cli->part_count, &used) != 2 || text[used] || cli->part < 1 ||
        cli->part > cli->part_count)
        return r2g_fail(parse->err, R2G_EUSAGE, "--part takes K/N, such as 2/8, not \"%s\"", text);
    return R2G_OK;
}

static r2g_status set_stats(struct parse *parse, const char *text) {
    const char *dot = strrchr(text, '.');
    const char **file = dot && strcmp(dot, ".csv") == 0     ? &parse->cli->stats_csv
                        : dot && strcmp(dot, ".jsonl") == 0 ? &parse->cli->stats_jsonl
                                                            : NULL;
    if (!file)
        return r2g_fail(parse->err, R2G_EUSAGE, "--stats takes a name that ends in .csv or .jsonl, not \"%s\"", text);
    if (*file)
        return r2g_fail(parse->err, R2G_EUSAGE, "--stats is given twice for %s", dot);
    *file = text;
    return R2G_OK;
}

static r2g_status set_option(struct parse *parse, int option, const char *text) {
    struct r2g_cli *cli = parse->cli;
    r2g_status status = R2G_OK;
    int number = 0;
    switch (option) {
    case OPT_OUTPUT:
        cli->output = text;
        return text[0] ? R2G_OK : r2g_fail(parse->err, R2G_EUSAGE, "%s takes a file or folder name", parse->label);
    case OPT_HOSTFILE:
        cli->hostfile = text;
        return text[0] ? R2G_OK : r2g_fail(parse->err, R2G_EUSAGE, "--hostfile takes a file name");
    case OPT_REPORT_FILE:
        cli->report_file = text;
        return text[0] ? R2G_OK : r2g_fail(parse->err, R2G_EUSAGE, "--report-file takes a file name");
    case OPT_JOURNAL:
        cli->journal = text;
        return text[0] ? R2G_OK : r2g_fail(parse->err, R2G_EUSAGE, "--journal takes a folder name");
    case OPT_PART:
        return set_part(parse, text);
    case OPT_NAME:
        cli->name_template = text;
        return r2g_batch_template_check(text, parse->err);
    case OPT_STATS:
        return set_stats(parse, text);
    case OPT_MANIFEST:
        cli->manifest = text;
        return text[0] ? R2G_OK : r2g_fail(parse->err, R2G_EUSAGE, "--manifest takes a file name");
    case OPT_FORMAT:
        return set_format(parse, text);
    case OPT_QUALITY:
        status = set_number(parse, text, 1, 100, &number);
        cli->options.quality = (unsigned)number;
        return status;
    case OPT_METHOD:
        return set_method(parse, text);
    case OPT_WEIGHTS:
        return r2g_luma_from_weights(&cli->options.luma, text, parse->err);
    case OPT_BACKGROUND:
        return r2g_value_colour(parse->label, text, cli->options.background, parse->err);
    case OPT_MAX_PIXELS:
        return r2g_value_count(parse->label, text, &cli->options.max_pixels, parse->err);
    case OPT_MEM_LIMIT:
        return r2g_value_size(parse->label, text, &cli->options.mem_limit_nbytes, parse->err);
    case OPT_FROM:
        cli->from = text;
        return text[0] ? R2G_OK : r2g_fail(parse->err, R2G_EUSAGE, "--from takes a file name");
    case OPT_RANKS:
        cli->ranks_text = text;
        /* a list is a bench's: whether this is one is known later */
        return strchr(text, ',') ? R2G_OK : set_number(parse, text, 1, RANKS_MAX, &cli->rank_count);
    case OPT_SIZE:
        cli->size_text = text;
        return R2G_OK;
    case OPT_REPEAT:
        return set_number(parse, text, 1, 1000, &cli->run_count);
    case OPT_COMPRESSION:
    case OPT_ALPHA:
    case OPT_ORIENT:
    case OPT_REPORT:
    case OPT_PROGRESS:
        return set_choice(parse, option, text);
    default:
        set_flag(cli, option);
        return R2G_OK;
    }
}

/* An argument getopt did not accept: argv[index], or the letter in optopt. */
static r2g_status refuse(const char *argument, bool missing, struct r2g_error *err) {
    if (strncmp(argument, "--", 2) != 0)
        return missing ? r2g_fail(err, R2G_EUSAGE, "-%c needs a value", optopt)
                       : r2g_fail(err, R2G_EUSAGE, "there is no option -%c", optopt);
    if (missing)
        return r2g_fail(err, R2G_EUSAGE, "%.60s needs a value", argument);
    const char *names[OPT_COUNT + 1] = {NULL};
    char word[40];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    size_t matches = 0;
    for (int i = 0; i < OPT_COUNT; i++) {
        names[i] = r2g_cli_options[i].name;
        matches += strncmp(names[i], word, strlen(word)) == 0;
        if (strcmp(names[i], word) == 0)
            return r2g_fail(err, R2G_EUSAGE, "--%s takes no value", word);
    }
    if (matches > 1)
        return r2g_fail(err, R2G_EUSAGE, "--%s could be the beginning of several options", word);
    const char *nearest = r2g_value_nearest(word, names);
    if (nearest)
        return r2g_fail(err, R2G_EUSAGE, "there is no option --%s; did you mean --%s?", word, nearest);
    return r2g_fail(err, R2G_EUSAGE, "there is no option --%s", word);
}

/* The words that may stand in front of the inputs. */
static const struct {
    const char *word;
    enum r2g_cli_command command;
} commands[] = {{"info", R2G_CLI_INFO},       {"doctor", R2G_CLI_DOCTOR}, {"pool", R2G_CLI_POOL},
                {"preview", R2G_CLI_PREVIEW}, {"batch", R2G_CLI_BATCH},   {"bench", R2G_CLI_BENCH}};

static const char *command_word(enum r2g_cli_command command) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].command == command)
            return commands[i].word;
    }
    return NULL;
}

/* Adds one argument to those that a launched copy of the program gets. */
static r2g_status forward(struct r2g_cli *cli, const char *name, const char *value, struct r2g_error *err) {
    char text[PATH_MAX + 64];
    int length = snprintf(text, sizeof text, "%s%s%s", name, value ? "=" : "", value ? value : "");
    if ((size_t)length >= sizeof text)
        return r2g_fail(err, R2G_EUSAGE, "an argument is too long");
    cli->forward[cli->forward_count] = r2g_copy_text(text, err);
    return cli->forward[cli->forward_count++] ? R2G_OK : R2G_ENOMEM;
}

static r2g_status forward_option(struct r2g_cli *cli, int option, const char *value, struct r2g_error *err) {
    if (option == OPT_RANKS || option == OPT_HOSTFILE)
        return R2G_OK;
    char name[40];
    snprintf(name, sizeof name, "--%s", r2g_cli_options[option].name);
    return forward(cli, name, value, err);
}

static r2g_status forward_inputs(struct r2g_cli *cli, struct r2g_error *err) {
    const char *word = command_word(cli->command);
    r2g_status status = forward(cli, "--", NULL, err);
    if (status == R2G_OK && word)
        status = forward(cli, word, NULL, err);
    for (int i = 0; i < cli->input_count && status == R2G_OK; i++)
        status = forward(cli, cli->inputs[i], NULL, err);
    return status;
}

/* Words such as "info" in front of the inputs. */
static void take_command(struct r2g_cli *cli, int argc, char **argv) {
    cli->inputs = argv + optind;
    cli->input_count = argc - optind;
    if (cli->command != R2G_CLI_CONVERT || cli->input_count == 0)
        return;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(cli->inputs[0], commands[i].word) == 0) {
            cli->command = commands[i].command;
            cli->inputs++;
            cli->input_count--;
            return;
        }
    }
}

/* Combinations that make no sense for a conversion. */
static r2g_status check_conversion(const struct parse *parse) {
    const struct r2g_cli *cli = parse->cli;
    const bool *seen = parse->seen;
    bool from_stdin = false;
    for (int i = 0; i < cli->input_count; i++)
        from_stdin = from_stdin || strcmp(cli->inputs[i], "-") == 0;
    bool to_stdout = cli->output ? strcmp(cli->output, "-") == 0 : from_stdin;
    if (to_stdout && !cli->options.format)
        return r2g_fail(parse->err, R2G_EUSAGE, "standard output has no name that tells the format: give --format");
    if (from_stdin && cli->input_count > 1)
        return r2g_fail(parse->err, R2G_EUSAGE, "standard input ('-') must be the only input");
    if (to_stdout && cli->input_count > 1)
        return r2g_fail(parse->err, R2G_EUSAGE, "several pictures cannot go to standard output: give a folder with -o");
    if (cli->compare && cli->explain)
        return r2g_fail(parse->err, R2G_EUSAGE, "--explain runs nothing, so there is nothing for --compare");
    if (seen[OPT_REPEAT] && !cli->compare)
        return r2g_fail(parse->err, R2G_EUSAGE, "--repeat goes with --compare");
    if (cli->compare && from_stdin)
        return r2g_fail(parse->err, R2G_EUSAGE, "--compare reads the input several times: give a file, not '-'");
    if (to_stdout && !cli->explain && cli->report != R2G_CLI_REPORT_NONE && !cli->report_file)
        return r2g_fail(parse->err, R2G_EUSAGE,
                        "the picture goes to standard output: give the report a place with --report-file");
    return R2G_OK;
}

/* Refuses options that a command has no use for; `allowed` ends in OPT_COUNT. */
static r2g_status check_allowed(const struct parse *parse, const int *allowed) {
    bool may[OPT_COUNT] = {false};
    for (; *allowed != OPT_COUNT; allowed++)
        may[*allowed] = true;
    for (int i = 0; i < OPT_COUNT; i++) {
        if (parse->seen[i] && !may[i])
            return r2g_fail(parse->err, R2G_EUSAGE, "%s takes no --%s", command_word(parse->cli->command),
                            r2g_cli_options[i].name);
    }
    return R2G_OK;
}

static r2g_status check_pool(const struct parse *parse) {
    static const int allowed[] = {OPT_RANKS, OPT_HOSTFILE, OPT_QUIET, OPT_COUNT};
    r2g_status status = check_allowed(parse, allowed);
    if (status == R2G_OK && (parse->cli->input_count != 1 || parse->cli->inputs[0][0] == '\0'))
        return r2g_fail(parse->err, R2G_EUSAGE, "pool takes one socket");
    return status;
}

static r2g_status check_preview(const struct parse *parse) {
    static const int allowed[] = {OPT_OUTPUT, OPT_FORCE, OPT_SYNC,  OPT_MAX_PIXELS, OPT_MEM_LIMIT,
                                  OPT_SIZE,   OPT_TILES, OPT_QUIET, OPT_COUNT};
    const struct r2g_cli *cli = parse->cli;
    uint64_t size = 0;
    r2g_status status = check_allowed(parse, allowed);
    if (status != R2G_OK)
        return status;
    if (cli->input_count != 1 || !cli->output || strcmp(cli->output, "-") == 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "preview takes one input, and -o with a name");
    if (cli->size_text)
        status =
            r2g_value_number("--size", cli->size_text, R2G_PREVIEW_SIZE_MIN, R2G_PREVIEW_SIZE_MAX, &size, parse->err);
    if (status != R2G_OK)
        return status;
    if (cli->size_text)
        parse->cli->preview_size = (int)size;
    if (cli->tiles && (parse->seen[OPT_SIZE] || parse->seen[OPT_FORCE]))
        return r2g_fail(parse->err, R2G_EUSAGE, "--tiles goes without --size and --force");
    return status;
}

static r2g_status check_bench(const struct parse *parse) {
    static const int allowed[] = {OPT_OUTPUT, OPT_FORMAT, OPT_FORCE, OPT_RANKS, OPT_HOSTFILE,
                                  OPT_REPEAT, OPT_SIZE,   OPT_FROM,  OPT_QUIET, OPT_COUNT};
    static const int measured[] = {OPT_FORMAT, OPT_RANKS, OPT_HOSTFILE, OPT_REPEAT, OPT_SIZE};
    const struct r2g_cli *cli = parse->cli;
    if (cli->input_count == 0 || strcmp(cli->inputs[0], "scaling") != 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "bench measures one thing: rgb2gray bench scaling");
    r2g_status status = check_allowed(parse, allowed);
    if (status != R2G_OK)
        return status;
    if (cli->input_count > 2 || (cli->input_count == 2 && strcmp(cli->inputs[1], "-") == 0))
        return r2g_fail(parse->err, R2G_EUSAGE, "bench scaling takes at most one picture, which must be a file");
    if (cli->output && strcmp(cli->output, "-") == 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "bench scaling writes into a folder: -o cannot be '-'");
    if (cli->input_count == 2 && parse->seen[OPT_SIZE])
        return r2g_fail(parse->err, R2G_EUSAGE,
                        "--size is of the picture that bench scaling makes where none is given");
    for (size_t i = 0; cli->from && i < sizeof measured / sizeof measured[0]; i++) {
        if (parse->seen[measured[i]] || cli->input_count == 2)
            return r2g_fail(parse->err, R2G_EUSAGE, "--from measures nothing, so it takes no %s%s",
                            cli->input_count == 2 ? "" : "--",
                            cli->input_count == 2 ? "picture" : r2g_cli_options[measured[i]].name);
    }
    return R2G_OK;
}

static r2g_status check_batch(const struct parse *parse) {
    const struct r2g_cli *cli = parse->cli;
    if (cli->input_count == 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "batch takes files, folders, patterns, @LIST, or '-' for a list");
    if (!cli->output || strcmp(cli->output, "-") == 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "batch needs a folder for the outputs: give -o");
    if (cli->compare)
        return r2g_fail(parse->err, R2G_EUSAGE, "batch takes no --compare");
    if (cli->explain && (cli->resume || cli->stats_csv || cli->stats_jsonl || cli->manifest || cli->report_file))
        return r2g_fail(parse->err, R2G_EUSAGE,
                        "--explain converts nothing, so there is nothing for --resume, --stats, --manifest or "
                        "--report-file (the plan is printed)");
    if (cli->manifest && r2g_batch_is_image_name(cli->manifest))
        return r2g_fail(parse->err, R2G_EUSAGE, "--manifest %s: that is the name of a picture", cli->manifest);
    const char *const tables[] = {cli->stats_csv, cli->stats_jsonl};
    for (int i = 0; i < 2; i++) {
        if (cli->manifest && tables[i] && strcmp(cli->manifest, tables[i]) == 0)
            return r2g_fail(parse->err, R2G_EUSAGE, "--manifest and --stats name the same file, %s", cli->manifest);
    }
    if (strlen(cli->output) > 1500)
        return r2g_fail(parse->err, R2G_EUSAGE, "the name of the output folder is too long");
    return R2G_OK;
}

static r2g_status check(struct parse *parse) {
    struct r2g_cli *cli = parse->cli;
    const bool *seen = parse->seen;
    uint64_t number;
    if (cli->command == R2G_CLI_HELP || cli->command == R2G_CLI_VERSION || cli->command == R2G_CLI_MAN)
        return R2G_OK;
    bool silent = cli->command == R2G_CLI_BATCH && cli->quiet && !cli->explain && !cli->report_file;
    if (cli->report == R2G_CLI_REPORT_DEFAULT && silent)
        cli->report = R2G_CLI_REPORT_NONE;
    if (cli->report == R2G_CLI_REPORT_DEFAULT)
        cli->report = cli->compare || cli->explain || cli->report_file || cli->command != R2G_CLI_CONVERT
                          ? R2G_CLI_REPORT_TEXT
                          : R2G_CLI_REPORT_NONE;
    if (cli->report_file && cli->report == R2G_CLI_REPORT_NONE)
        return r2g_fail(parse->err, R2G_EUSAGE, "--report-file goes with --report text or json");
    if (seen[OPT_WEIGHTS] && seen[OPT_METHOD])
        return r2g_fail(parse->err, R2G_EUSAGE, "--method and --weights exclude each other");
    if (cli->command == R2G_CLI_BENCH)
        return check_bench(parse);
    if (seen[OPT_FROM])
        return r2g_fail(parse->err, R2G_EUSAGE, "--from goes with bench scaling");
    if (cli->ranks_text && cli->rank_count == 0) /* a list: told as anything else that is no number */
        return r2g_value_number("--ranks", cli->ranks_text, 1, RANKS_MAX, &number, parse->err);
    if (cli->hostfile && cli->rank_count == 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "--hostfile needs the number of processes: give -n");
    if (cli->command == R2G_CLI_POOL)
        return check_pool(parse);
    if (cli->command == R2G_CLI_PREVIEW)
        return check_preview(parse);
    if (seen[OPT_SIZE] || seen[OPT_TILES])
        return r2g_fail(parse->err, R2G_EUSAGE, "--size goes with preview and bench, --tiles with preview");
    if (cli->command == R2G_CLI_BATCH)
        return check_batch(parse);
    for (int option = OPT_RESUME; option <= OPT_MANIFEST; option++) {
        if (seen[option])
            return r2g_fail(parse->err, R2G_EUSAGE, "--%s goes with batch", r2g_cli_options[option].name);
    }
    if (cli->command != R2G_CLI_CONVERT && (cli->rank_count > 0 || cli->compare || cli->explain || cli->output))
        return r2g_fail(parse->err, R2G_EUSAGE, "%s takes no -n, -o, --compare or --explain",
                        command_word(cli->command));
    if (cli->command == R2G_CLI_DOCTOR && cli->input_count > 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "doctor takes no files");
    if (cli->command != R2G_CLI_DOCTOR && cli->input_count == 0)
        return r2g_fail(parse->err, R2G_EUSAGE, "no input given");
    return cli->command == R2G_CLI_CONVERT ? check_conversion(parse) : R2G_OK;
}

static r2g_status parse_arguments(struct parse *parse, int argc, char **argv) {
    struct option longs[OPT_COUNT + 1] = {0};
    char letters[2 * OPT_COUNT + 2] = ":";
    for (int i = 0; i < OPT_COUNT; i++) {
        const struct r2g_cli_option *option = &r2g_cli_options[i];
        /* values from 256 on cannot be taken for a letter */
        longs[i] = (struct option){option->name, option->argument ? required_argument : no_argument, NULL, 256 + i};
        size_t end = strlen(letters);
        if (option->letter)
            snprintf(letters + end, sizeof letters - end, "%c%s", option->letter, option->argument ? ":" : "");
    }
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    int got;
    while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (got == '?' || got == ':')
            return refuse(argv[optind - 1], got == ':', parse->err);
        int option = got - 256;
        for (int i = 0; got < 256 && i < OPT_COUNT; i++) {
            if (r2g_cli_options[i].letter == got)
                option = i;
        }
        parse->seen[option] = true;
        if (got < 256)
            snprintf(parse->label, sizeof parse->label, "-%c", got);
        else
            snprintf(parse->label, sizeof parse->label, "--%s", r2g_cli_options[option].name);
        r2g_status status = set_option(parse, option, optarg);
        if (status == R2G_OK)
            status = forward_option(parse->cli, option, optarg, parse->err);
        if (status != R2G_OK)
            return status;
    }
    return R2G_OK;
}

r2g_status r2g_cli_parse(struct r2g_cli *cli, int argc, char **argv, struct r2g_error *err) {
    memset(cli, 0, sizeof *cli);
    r2g_options_default(&cli->options);
    cli->argv = argv;
    cli->preview_size = R2G_PREVIEW_SIZE;
    cli->name_template = R2G_BATCH_TEMPLATE;
    /* "-ab" may stand for two options, "--" is added: at most one argument a character. */
    size_t most = 3;
    for (int i = 1; i < argc; i++)
        most += argv[i][0] == '-' && argv[i][1] != '-' ? strlen(argv[i]) : 1;
    cli->forward = r2g_new(most * sizeof cli->forward[0], err);
    if (!cli->forward)
        return R2G_ENOMEM;
    struct parse parse = {.cli = cli, .err = err};
    r2g_status status = parse_arguments(&parse, argc, argv);
    if (status != R2G_OK)
        return status;
    take_command(cli, argc, argv);
    if (!parse.seen[OPT_REPEAT] && cli->command != R2G_CLI_BENCH)
        cli->run_count = 3;
    status = check(&parse);
    return status == R2G_OK ? forward_inputs(cli, err) : status;
}

void r2g_cli_free(struct r2g_cli *cli) {
    for (int i = 0; i < cli->forward_count; i++)
        free(cli->forward[i]);
    free(cli->forward);
    memset(cli, 0, sizeof *cli);
}
