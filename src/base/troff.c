#include "base/troff.h"

#include <stdbool.h>
#include <string.h>

void r2g_troff_char(FILE *file, char c) {
    static const struct {
        char c;
        const char *escape;
    } escapes[] = {{'-', "\\-"}, {'\\', "\\e"}, {'\'', "\\(aq"}, {'~', "\\(ti"}, {'^', "\\(ha"}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (escapes[i].c == c) {
            fputs(escapes[i].escape, file);
            return;
        }
    }
    putc(c, file);
}

/* True if a word ends a sentence: "Rec." and initials do not. */
static bool ends_sentence(const char *word, size_t length, char next) {
    return length > 4 && word[length - 1] == '.' && next >= 'A' && next <= 'Z';
}

void r2g_troff_text(FILE *file, const char *text) {
    size_t column = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column == 0 && *text == '.')
            fputs("\\&", file);
        for (size_t i = 0; i < length; i++)
            r2g_troff_char(file, text[i]);
        column += length + 1;
        const char *next = text + length + strspn(text + length, " ");
        bool line_ends = *next == '\0' || column + strcspn(next, " ") > 70 || ends_sentence(text, length, *next);
        putc(line_ends ? '\n' : ' ', file);
        column = line_ends ? 0 : column;
        text = next;
    }
}

void r2g_troff_section(FILE *file, const char *title, const char *const *paragraphs) {
    fprintf(file, ".SH %s\n", title);
    for (int i = 0; paragraphs[i]; i++) {
        if (i > 0)
            fputs(".PP\n", file);
        r2g_troff_text(file, paragraphs[i]);
    }
}

void r2g_troff_entry(FILE *file, const char *term, const char *text) {
    fputs(".TP\n.B ", file);
    r2g_troff_text(file, term);
    r2g_troff_text(file, text);
}

void r2g_troff_option(FILE *file, char letter, const char *name, const char *argument, const char *help) {
    fputs(".TP\n", file);
    if (letter)
        fprintf(file, ".BR \\-%c \", \" ", letter);
    else
        fputs(".B ", file);
    fputs("\\-\\-", file);
    for (; *name; name++)
        r2g_troff_char(file, *name);
    if (argument)
        fprintf(file, letter ? " \" \\fI%s\\fP\"" : " \\fI%s\\fP", argument);
    putc('\n', file);
    r2g_troff_text(file, help);
}

void r2g_troff_example(FILE *file, const char *command) {
    fputs(".RS 4\n.EX\n", file);
    r2g_troff_text(file, command);
    fputs(".EE\n.RE\n", file);
}
