#include "cli/help.h"

#include <jpeglib.h>
#include <mpi.h>
#include <png.h>
#include <string.h>
#include <zlib.h>

#include <rgb2gray/rgb2gray.h>

#include "cli/options.h"
#include "base/text.h"

#define WIDTH 79
#define HELP_COLUMN 24

static void print_option(FILE *file, const struct r2g_cli_option *option) {
    char names[60];
    int length = snprintf(names, sizeof names, "  %c%c%s --%s%s%s", option->letter ? '-' : ' ',
                          option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
                          option->argument ? " " : "", option->argument ? option->argument : "");
    fputs(names, file);
    if (length > HELP_COLUMN - 2) {
        fprintf(file, "\n%*s", HELP_COLUMN, "");
    } else {
        fprintf(file, "%*s", HELP_COLUMN - length, "");
    }
    r2g_text_wrap(file, option->help, HELP_COLUMN, HELP_COLUMN, WIDTH);
}

void r2g_cli_print_help(FILE *file) {
    fputs("rgb2gray turns colour pictures into grayscale: exactly, and on as many processes\n"
          "as you like. Reads PNG, JPEG, BMP and PNM; writes PNG, JPEG, BMP and PGM.\n"
          "\n"
          "  rgb2gray [OPTIONS] INPUT -o OUTPUT     one picture\n"
          "  rgb2gray [OPTIONS] INPUT...            each becomes NAME-gray.EXT beside it\n"
          "  rgb2gray [OPTIONS] INPUT... -o FOLDER/ each becomes NAME-gray.EXT in FOLDER\n"
          "  rgb2gray info FILE...                  what a file holds, what it would become\n"
          "  rgb2gray batch FOLDER -o OUT           many images, with a journal\n"
          "  rgb2gray doctor                        checks MPI and this machine\n"
          "  rgb2gray preview INPUT -o OUT.jpg      a scaled picture, for looking at\n"
          "  rgb2gray bench scaling [INPUT]         how this machine scales, as a page\n"
          "\n"
          "It runs alone, with -n N, under mpirun, or under srun; the output is the same,\n"
          "byte for byte. '-' is standard input or output.\n",
          file);
    for (int group = 0; group < R2G_CLI_GROUP_COUNT; group++) {
        fprintf(file, "\n%s:\n", r2g_cli_group_titles[group]);
        for (const struct r2g_cli_option *option = r2g_cli_options; option->name; option++) {
            if ((int)option->group == group && option->help)
                print_option(file, option);
        }
    }
    fputs("\nExamples:\n"
          "  rgb2gray slide.png -o slide-gray.png\n"
          "  rgb2gray -n 4 --compare slide.png -o slide-gray.png\n"
          "  rgb2gray --method green --format png *.jpg -o gray/\n"
          "\n"
          "Exit status: 0 when all went well; the manual page lists the others.\n",
          file);
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

void r2g_cli_print_version(FILE *file) {
    fprintf(file, "rgb2gray %s\n", r2g_version());
#ifdef OMPI_MAJOR_VERSION
    fprintf(file, "  Open MPI         %d.%d.%d (when this program was built)\n", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION,
            OMPI_RELEASE_VERSION);
#else
    fprintf(file, "  MPI              standard %d.%d\n", MPI_VERSION, MPI_SUBVERSION);
#endif
    fprintf(file, "  libpng           %s\n", png_get_libpng_ver(NULL));
#ifdef LIBJPEG_TURBO_VERSION
    fprintf(file, "  libjpeg-turbo    %s (when this program was built)\n", TEXT(LIBJPEG_TURBO_VERSION));
#else
    fprintf(file, "  libjpeg          version %d (when this program was built)\n", JPEG_LIB_VERSION);
#endif
    fprintf(file, "  zlib             %s\n", zlibVersion());
    fprintf(file, "  instruction set  %s\n", r2g_luma_isa());
}
