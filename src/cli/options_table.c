#include "cli/options_table.h"

#include "cli/options.h"

/* clang-format off */
const struct r2g_cli_option r2g_cli_options[] = {
    [OPT_OUTPUT] = {"output", 'o', "OUT", R2G_CLI_GROUP_OUTPUT,
        "Write the gray picture to OUT. Its name's ending tells the format. If OUT is a folder, or ends in '/', the "
        "pictures go into it as NAME-gray.EXT. '-' is standard output and needs --format. Without this option the "
        "output is put beside the input as NAME-gray.EXT; with standard input ('-') it goes to standard output."},
    [OPT_FORMAT] = {"format", 0, "FORMAT", R2G_CLI_GROUP_OUTPUT,
        "Output format: png, jpeg, bmp or pgm. Default: the one the output's name ends in; without -o the input's "
        "own where it can be written, else png. Standard output needs it."},
    [OPT_QUALITY] = {"quality", 0, "1..100", R2G_CLI_GROUP_OUTPUT, 
        "JPEG quality. Default: 90. From JPEG to JPEG it means --reencode."},
    [OPT_REENCODE] = {"reencode", 0, NULL, R2G_CLI_GROUP_OUTPUT,
        "From JPEG to JPEG: decode the pixels and encode them anew. Without it, and where gray is the JPEG's own luma "
        "(bt601, no turning, no --quality), its compressed luma is carried over as it is: no loss, and much faster."},
    [OPT_COMPRESSION] = {"compression", 0, "LEVEL", R2G_CLI_GROUP_OUTPUT,
        "PNG compression: fast, default or small. The pixels are the same with each."},
    [OPT_FORCE] = {"force", 'f', NULL, R2G_CLI_GROUP_OUTPUT, "Replace outputs that exist already."},
    [OPT_SYNC] = {"sync", 0, NULL, R2G_CLI_GROUP_OUTPUT,
        "Wait until the output is safely on disk (fsync) before it counts as done."},
    [OPT_METHOD] = {"method", 'm', "NAME", R2G_CLI_GROUP_GRAY,
        "How gray is made: bt601 (default), bt709, average, lightness, max, red, green or blue. The manual page "
        "gives the formulas."},
    [OPT_WEIGHTS] = {"weights", 0, "R,G,B", R2G_CLI_GROUP_GRAY,
        "Your own weights instead of a method, such as 0.25,0.5,0.25 or 1,2,1. They are divided by their sum."},
    [OPT_VIA_RGB] = {"via-rgb", 0, NULL, R2G_CLI_GROUP_GRAY,
        "Compute gray from decoded RGB even where a JPEG's own luma is the same thing and faster."},
    [OPT_ALPHA] = {"alpha", 0, "WHAT", R2G_CLI_GROUP_METADATA,
        "keep: keep transparency where the output can hold it (default). flatten: always lay the picture on the "
        "background."},
    [OPT_BACKGROUND] = {"background", 0, "COLOUR", R2G_CLI_GROUP_METADATA,
        "Background where transparency goes: white (default), black, #RRGGBB, #RGB, or R,G,B from 0 to 255."},
    [OPT_ORIENT] = {"orient", 0, "HOW", R2G_CLI_GROUP_METADATA,
        "tag: keep the orientation as a tag where the output has one (default). apply: turn the pixels upright."},
    [OPT_KEEP_EXIF] = {"keep-exif", 0, NULL, R2G_CLI_GROUP_METADATA,
        "Keep all EXIF data, not just the orientation; the thumbnail, a colour picture, is left out."},
    [OPT_MAX_PIXELS] = {"max-pixels", 0, "N", R2G_CLI_GROUP_LIMITS,
        "Refuse larger pictures where they must be held whole in memory; k, M and G are allowed. 0: no limit. "
        "Default: 1073741824."},
    [OPT_MEM_LIMIT] = {"mem-limit", 0, "SIZE", R2G_CLI_GROUP_LIMITS,
        "Memory that one process may use for its buffers, such as 800MiB or 4GiB. 0: no limit. Default: three "
        "quarters of what is free."},
    [OPT_RANKS] = {"ranks", 'n', "N", R2G_CLI_GROUP_PARALLEL,
        "Share the work among N processes, started through mpirun. For bench scaling a list, such as 1,2,4; default: powers "
        "of two up to this computer's cores, or the slots of the --hostfile."},
    [OPT_HOSTFILE] = {"hostfile", 0, "FILE", R2G_CLI_GROUP_PARALLEL,
        "With -n: start the processes on the hosts that FILE lists (see mpirun)."},
    [OPT_COMPARE] = {"compare", 0, NULL, R2G_CLI_GROUP_REPORT,
        "Also run with one process, check that both outputs are the same, and report how the times compare."},
    [OPT_REPEAT] = {"repeat", 0, "N", R2G_CLI_GROUP_REPORT, 
        "Runs of each kind under --compare (default: 3) and bench scaling (default: 5)."},
    [OPT_EXPLAIN] = {"explain", 0, NULL, R2G_CLI_GROUP_REPORT,
        "Say what would be done, and do nothing. With -n N: what N processes would do. Of batch: the plan, a line an "
        "image."},
    [OPT_REPORT] = {"report", 0, "KIND", R2G_CLI_GROUP_REPORT,
        "Report what was done, on standard output: none, text or json. Default: text under --compare and --explain, "
        "else none."},
    [OPT_REPORT_FILE] = {"report-file", 0, "FILE", R2G_CLI_GROUP_REPORT,
        "Write the report to FILE, replacing it (as text, unless --report json)."},
    [OPT_PROGRESS] = {"progress", 0, "KIND", R2G_CLI_GROUP_REPORT,
        "Progress on standard error: auto (a line when that is a terminal; default), none, bar or json."},
    [OPT_SIZE] = {"size", 0, "N", R2G_CLI_GROUP_PREVIEW,
        "Longest side of the scaled picture, from 16 to 8192 pixels. Default: 1024. Pictures are never enlarged. (For bench "
        "scaling: see there.)"},
    [OPT_TILES] = {"tiles", 0, NULL, R2G_CLI_GROUP_PREVIEW,
        "Make a folder of tiles of 512 pixels at full size, half, a quarter and so on, with a description in "
        "tiles.json."},
    [OPT_RESUME] = {"resume", 0, NULL, R2G_CLI_GROUP_BATCH,
        "Go on where an earlier run of the same batch ended: what it has done is not done again. Begins anew where there "
        "was none."},
    [OPT_JOURNAL] = {"journal", 0, "FOLDER", R2G_CLI_GROUP_BATCH,
        "Where the batch keeps what it has done. Default: .rgb2gray in the output folder."},
    [OPT_PART] = {"part", 0, "K/N", R2G_CLI_GROUP_BATCH,
        "Only the K-th of N parts of the images, chosen by their names: for job arrays. Each part has a journal of its "
        "own."},
    [OPT_NAME] = {"name", 0, "TEMPLATE", R2G_CLI_GROUP_BATCH,
        "Names of the outputs below the folder -o, from {dir}, {stem}, {ext} and {name}. Default: {dir}/{stem}.{ext}, "
        "where {dir} is the image's folder below the one that was named."},
    [OPT_STATS] = {"stats", 0, "FILE", R2G_CLI_GROUP_BATCH,
        "Write a row for each image to FILE.csv (RFC 4180) or FILE.jsonl: sizes, method, times, checksum, outcome. May be "
        "given for both."},
    [OPT_MANIFEST] = {"manifest", 0, "FILE", R2G_CLI_GROUP_BATCH,
        "Write the SHA-256 of each output to FILE, for sha256sum --check in the output folder."},
    [OPT_FROM] = {"from", 0, "FILE", R2G_CLI_GROUP_BENCH,
        "Measure nothing: make figures and page from FILE, a scaling.csv. --size is the picture that bench scaling makes, "
        "as 8000x6000 or 48MP; default: 8 megapixels for each of the most ranks, 16 at least and 128 at most. --format: "
        "of its outputs; default: png. -o: its folder; default: rgb2gray-scaling."},
    [OPT_QUIET] = {"quiet", 'q', NULL, R2G_CLI_GROUP_OTHER, "No progress and no notes; errors only."},
    [OPT_HELP] = {"help", 'h', NULL, R2G_CLI_GROUP_OTHER, "Show this help."},
    [OPT_VERSION] = {"version", 0, NULL, R2G_CLI_GROUP_OTHER,
        "Show the version of this program and of the libraries it uses."},
    [OPT_MAN] = {"man", 0, NULL, R2G_CLI_GROUP_OTHER, NULL},
    [OPT_COUNT] = {NULL, 0, NULL, R2G_CLI_GROUP_OTHER, NULL},
};
/* clang-format on */

const char *const r2g_cli_group_titles[R2G_CLI_GROUP_COUNT] = {
    [R2G_CLI_GROUP_OUTPUT] = "Output",
    [R2G_CLI_GROUP_GRAY] = "Gray",
    [R2G_CLI_GROUP_METADATA] = "Transparency, orientation, metadata",
    [R2G_CLI_GROUP_LIMITS] = "Limits",
    [R2G_CLI_GROUP_PARALLEL] = "Several processes",
    [R2G_CLI_GROUP_REPORT] = "Reports and progress",
    [R2G_CLI_GROUP_PREVIEW] = "Previews",
    [R2G_CLI_GROUP_BATCH] = "Batches",
    [R2G_CLI_GROUP_BENCH] = "Scaling benchmarks",
    [R2G_CLI_GROUP_OTHER] = "Other",
};
