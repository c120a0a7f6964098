/* The manual page: troff source with man macros, from the option table, the list of methods, and the sections below. */
#include <rgb2gray/rgb2gray.h>

#include "base/troff.h"
#include "cli/help.h"
#include "cli/options.h"

static const struct r2g_cli_exit exits[] = {
    {R2G_OK, "All went well."},
    {R2G_EINTERNAL, "A state that should not occur: please report it. For doctor: something other than MPI failed."},
    {R2G_EUSAGE, "Options or arguments make no sense."},
    {R2G_EINPUT, "The input cannot be opened or read."},
    {R2G_EFORMAT, "A format, or a feature of it, is not supported."},
    {R2G_ECORRUPT, "The input is damaged or cut short."},
    {R2G_ELIMIT, "A limit (pixels, memory, the output format's size) does not allow it."},
    {R2G_EOUTPUT, "The output cannot be created or written."},
    {R2G_EEXISTS, "The output exists already; --force replaces it."},
    {R2G_ENOMEM, "The system refused memory."},
    {R2G_EMPI, "MPI or its launcher failed."},
    {R2G_EDIFFER, "The outputs that --compare made are not the same."},
    {R2G_EPARTIAL, "Some images of a batch failed; the others are done."},
    {R2G_ESTOPPED, "A batch was stopped by a signal; --resume goes on with it."},
};

const struct r2g_cli_exit *r2g_cli_exit_at(size_t i) {
    return i < sizeof exits / sizeof exits[0] ? &exits[i] : NULL;
}

static void print_options(FILE *file) {
    fputs(".SH OPTIONS\n", file);
    for (int group = 0; group < R2G_CLI_GROUP_COUNT; group++) {
        fprintf(file, ".SS %s\n", r2g_cli_group_titles[group]);
        for (const struct r2g_cli_option *option = r2g_cli_options; option->name; option++) {
            if ((int)option->group != group || !option->help)
                continue;
            r2g_troff_option(file, option->letter, option->name, option->argument, option->help);
        }
    }
}

static void print_methods(FILE *file) {
    fputs(".SH METHODS\n", file);
    r2g_troff_text(
        file, "R, G and B are the samples as they are stored, of 8 or 16 bits; 'div' is division rounded down. All is "
              "whole-number arithmetic, and exact. Where R = G = B, every method gives exactly R.");
    size_t count;
    const struct r2g_method_entry *methods = r2g_method_list(&count);
    for (size_t i = 0; i < count; i++) {
        r2g_troff_entry(file, methods[i].name, methods[i].formula);
        fputs(".br\n", file);
        r2g_troff_text(file, methods[i].source);
    }
    r2g_troff_entry(file, "--weights a,b,c", "(a R + b G + c B + (a + b + c) div 2) div (a + b + c)");
    fputs(".PP\n", file);
    r2g_troff_text(
        file, "A colour JPEG already holds its luma: by JFIF's definition it is 0.299 R + 0.587 G + 0.114 B, which "
              "is bt601. With bt601 this luma is taken as it is decoded; --via-rgb goes through RGB and the "
              "formula, and differs by rounding.");
    fputs(".PP\n", file);
    r2g_troff_text(
        file, "From JPEG to JPEG it is not even decoded: the compressed luma is carried over as it is, without loss, "
              "and so is a gray JPEG. The report calls this path transcode. Pixels are decoded and encoded anew with "
              "--reencode, with --quality, with another method, when they must be turned, and where the luma has "
              "fewer pixels than the picture.");
}

static void print_exits(FILE *file) {
    fputs(".SH EXIT STATUS\n", file);
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
        char code[12];
        snprintf(code, sizeof code, "%d", exits[i].code);
        r2g_troff_entry(file, code, exits[i].meaning);
    }
    r2g_troff_entry(file, "128 + n", "Ended by signal n.");
    fputs(".PP\n", file);
    r2g_troff_text(file,
                   "With several inputs the others are still converted after one has failed; the exit status is that "
                   "of the first failure.");
}

static void print_environment(FILE *file) {
    fputs(".SH ENVIRONMENT\n", file);
    r2g_troff_entry(
        file, "RGB2GRAY_ISA",
        "Forces the instruction set of the kernels: scalar, sse4, avx2, avx512 or neon. The output is the same "
        "with each.");
    r2g_troff_entry(file, "RGB2GRAY_START_LIMIT",
                    "How long the ranks may take to reach each other, in seconds; 0: for ever. Default: 60.");
    r2g_troff_entry(file, "TMPDIR",
                    "Folder for a copy of standard input (default: /tmp), and for the pictures of bench scaling.");
    r2g_troff_entry(file, "OMPI_MCA_*",
                    "Settings of Open MPI. On a single host OMPI_MCA_pml is set to ob1, and HWLOC_COMPONENTS to "
                    "-opencl,-gl, where they are not set: both make the start faster.");
    r2g_troff_entry(file, "OMPI_ALLOW_RUN_AS_ROOT, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                    "Set to 1 by -n when it is used by root, since mpirun would refuse otherwise.");
}

static void print_examples(FILE *file) {
    static const char *const examples[][2] = {
        {"One picture:", "rgb2gray slide.png -o slide-gray.png"},
        {"Many, into a folder:", "rgb2gray --format png *.jpg -o gray/"},
        {"With four processes, and a comparison with one:", "rgb2gray -n 4 --compare slide.png -o slide-gray.png"},
        {"On the hosts that a file lists:", "rgb2gray -n 12 --hostfile hosts slide.png"},
        {"How this computer scales:", "rgb2gray bench scaling"},
        {"In a Slurm job:", "srun --mpi=pmix rgb2gray slide.png -o slide-gray.png"},
        {"From and to a pipe:", "cat scan.png | rgb2gray - --format png > gray.png"},
    };
    fputs(".SH EXAMPLES\n", file);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        fputs(i > 0 ? ".PP\n" : "", file);
        r2g_troff_text(file, examples[i][0]);
        r2g_troff_example(file, examples[i][1]);
    }
}

static const char *const description[] = {
    "rgb2gray turns colour pictures into grayscale with one exact, named formula. It runs alone, on several processes "
    "of "
    "one computer (-n), or on several computers, under mpirun of Open MPI or srun of Slurm. The output is the same, "
    "byte "
    "for byte, in all cases, and appears under its name only when it is whole.",
    "Without -n and without a launcher, MPI is not started at all.",
    "'rgb2gray info' says what each file holds, and what a conversion with the given options would make of it. "
    "'rgb2gray "
    "doctor' checks MPI and this machine, and names a remedy for each thing it finds. A file that has one of these "
    "names "
    "(or batch, bench, pool or preview) can be given as ./info or ./doctor.",
    "Reports come as text for people or as JSON for programs: one object a line for each input.",
    NULL,
};

static const char *const formats[] = {
    "Read: PNG of all colour types and depths; JPEG of 8 bits, baseline, extended or progressive; BMP of 1 to 32 bits; "
    "PBM, PGM, PPM and PAM. The content tells the format, not the name.",
    "Written: PNG (gray or gray with alpha, 8 or 16 bits), JPEG (8-bit gray), BMP (8-bit gray), PGM (any maximum). "
    "Samples of 16 bits stay so where the output can hold them; where they are scaled, the report says so.",
    NULL,
};

static const char *const metadata[] = {
    "Nothing is lost in silence: --report and info list what is kept, applied or dropped.",
    "Alpha is kept in PNG; else, or with --alpha flatten, the picture is laid on the --background.",
    "ICC profiles are not applied. A gray profile stays on a gray picture; any other is dropped, since it does not "
    "describe gray samples.",
    "The orientation is kept as a tag in PNG and JPEG; else, or with --orient apply, the pixels are turned. EXIF is "
    "otherwise dropped, unless --keep-exif is given; XMP is dropped. Density and text are kept where the output has a "
    "place for them. Text may hold the names of patients: rgb2gray does not anonymise.",
    NULL,
};

static const char *const batch[] = {
    "'rgb2gray batch' converts many images: files, folders (walked to the bottom, structure kept), patterns in quotes, "
    "@LIST (a file with one path a line), or '-' (such a list on standard input). Each is converted whole by one "
    "process, "
    "the longest first; large ones that would keep the others waiting at the end are split over all.",
    "--explain prints that plan and converts nothing. Hosts that do not see the inputs, or not the output folder, get "
    "the images sent, and send their outputs back; the summary tells.",
    "What is done is kept in a journal, by default .rgb2gray in the output folder. --resume goes on with it: after a "
    "signal "
    "(exit code 14), a killed process, a lost host or a full disk. What has failed is tried again, and so is what has "
    "changed since, input or output. An output that is younger than the batch counts as made by it, and may be "
    "replaced.",
    "Names that are not UTF-8 stand in the statistics and the manifest byte for byte; in JSON with '?' for what is "
    "none, "
    "and exactly, as hexadecimal digits, in input_hex and output_hex.",
    NULL,
};

static const char *const bench[] = {
    "'rgb2gray bench scaling' measures how conversions scale with the number of processes on this computer, or on the "
    "hosts of --hostfile: strong scaling (the same picture) and weak scaling (a picture whose height grows with them). "
    "It "
    "prints tables, and leaves in a folder scaling.csv (a row for each run), scaling.json (what they add up to), "
    "scaling.svg (the speed-up) and scaling.html, a page to look at or print: speed-up, efficiency, where the time "
    "goes, "
    "the POP centre's factors (https://pop-coe.eu/node/69), and the luma kernel beside a memory copy by as many "
    "processes "
    "at once.",
    "Without an input it makes a photo-like picture of 8-bit RGB itself, the same one each time. The picture of weak "
    "scaling is its upper part, in proportion to the processes, so that the most of them have all of it in both kinds. "
    "With an input, strong scaling is about that; weak scaling is about a made picture of the same width and height, "
    "at "
    "most 128 megapixels, since other rows of the input could take longer than its first ones.",
    "Each run is the program itself, started anew, as rgb2gray -n K --report json; one process on this computer runs "
    "without MPI. One uncounted run of each kind goes first; then the numbers of processes take turns, upwards and "
    "downwards. Medians count. Launch is not part of a run's time and is shown apart. The made pictures, about six "
    "bytes "
    "for each pixel of the largest, are in TMPDIR, or in the output folder where that is not set, and are removed "
    "afterwards; hosts that do not see them are sent their rows.",
    "A run that fails ends all with its exit status, and leaves no output. --from FILE makes the figures and the page "
    "anew from a scaling.csv, which may hold runs of several machines or settings, simulated ones too.",
    NULL,
};

static const char *const preview[] = {
    "'rgb2gray preview' makes pictures for people to look at, as web pages need them: in colour where the input is, of "
    "8 bits, "
    "upright by its orientation, alpha laid on white. --max-pixels and --mem-limit hold; other options of conversions "
    "do not "
    "go with it.",
    "A single picture is a JPEG (quality 85) or PNG, by its name's ending. Each pixel is the mean of what it covers.",
    "With --tiles the output is a new folder, which must not exist. It holds LEVEL/COLUMN_ROW.png for level 0, the "
    "full size, "
    "with its very pixels; LEVEL/COLUMN_ROW.jpg (quality 88) for the levels above, each of half the size, until one "
    "tile "
    "holds all; and tiles.json with the sizes. The folder appears under its name only when it is whole. Turning a "
    "picture "
    "holds it in memory.",
    NULL,
};

static const char *const pool[] = {
    "'rgb2gray pool' is for servers, such as rgb2gray-gateway: it keeps processes ready, so that a conversion need not "
    "wait "
    "for them to start. It connects to a Unix stream socket on which the server listens, and says in one line of JSON "
    "that "
    "it is ready: {\"ready\":true,\"ranks\":4,\"pid\":77,\"version\":\"...\"}.",
    "Each line of JSON that then comes asks for one conversion: {\"id\":\"a\",\"arguments\":[\"--method\",\"green\","
    "\"-o\",\"out.png\",\"in.png\"]}. The arguments are those of the command line, for one picture, without -n and "
    "without "
    "'-'. With \"progress\":true lines may follow that hold the id and, as \"progress\", an object as of "
    "--progress=json. The "
    "answer is a line with the id, \"exit\" (the exit status), \"error\" (the line that would have gone to standard "
    "error, or "
    "null), and \"report\" (the object of --report json, or null).",
    "Requests are done one after the other, and a failed one ends nothing. A line of more than 65536 bytes, or one "
    "that is no "
    "such request, ends all processes with status 2; so does the socket's end, with status 0.",
    NULL,
};

void r2g_cli_print_man(FILE *file) {
    fprintf(file, ".TH RGB2GRAY 1 2026-11-22 \"rgb2gray %s\" \"User Commands\"\n", r2g_version());
    fputs(".SH NAME\nrgb2gray \\- turn colour pictures into grayscale, exactly and in parallel\n"
          ".SH SYNOPSIS\n.B rgb2gray\n[\\fIoptions\\fP] \\fIinput\\fP \\fB\\-o\\fP \\fIoutput\\fP\n.br\n"
          ".B rgb2gray\n[\\fIoptions\\fP] \\fIinput\\fP... [\\fB\\-o\\fP \\fIfolder\\fP/]\n.br\n"
          ".B rgb2gray info\n[\\fIoptions\\fP] \\fIfile\\fP...\n.br\n"
          ".B rgb2gray batch\n[\\fIoptions\\fP] \\fIinput\\fP ... \\fB\\-o\\fP \\fIfolder\\fP\n.br\n"
          ".B rgb2gray bench scaling\n[\\fIinput\\fP] [\\fB\\-n\\fP \\fI1,2,4\\fP] [\\fB\\-o\\fP "
          "\\fIfolder\\fP]\n.br\n"
          ".B rgb2gray doctor\n[\\fB\\-\\-report\\fP \\fIkind\\fP]\n.br\n"
          ".B rgb2gray preview\n[\\fB\\-\\-size\\fP \\fIN\\fP] \\fIinput\\fP \\fB\\-o\\fP "
          "\\fIout.jpg\\fP|\\fIout.png\\fP\n.br\n"
          ".B rgb2gray preview \\-\\-tiles\n\\fIinput\\fP \\fB\\-o\\fP \\fIfolder\\fP/\n.br\n"
          ".B rgb2gray\n[\\fB\\-n\\fP \\fIN\\fP [\\fB\\-\\-hostfile\\fP \\fIfile\\fP]] \\fBpool\\fP \\fIsocket\\fP\n",
          file);
    r2g_troff_section(file, "DESCRIPTION", description);
    print_options(file);
    print_methods(file);
    r2g_troff_section(file, "FORMATS", formats);
    r2g_troff_section(file, "ALPHA, ICC, ORIENTATION AND OTHER METADATA", metadata);
    print_exits(file);
    print_environment(file);
    r2g_troff_section(file, "BATCH", batch);
    r2g_troff_section(file, "BENCH", bench);
    r2g_troff_section(file, "PREVIEW", preview);
    r2g_troff_section(file, "POOL", pool);
    print_examples(file);
}
