/* SPDX-License-Identifier: Apache-2.0 */
#include "os/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two names of the longest kind and what is the matter with them. */
enum { LINE_MAX_BYTES = 9000 };

static const char *program = "dfota";
static enum log_level limit = LOG_LEVEL_INFO;
static bool hides_imeis;

void log_init(const char *name, enum log_level level)
{
    program = name;
    limit = level;
}

void log_hide_imeis(void)
{
    hides_imeis = true;
}

/* A run of digits in a digest is none, and a digest has to be whole. */
static bool is_in_hex(const char *line, const char *run, size_t len)
{
    static const char letters[] = "abcdef";

    return (run > line && strchr(letters, run[-1])) ||
           (run[len] && strchr(letters, run[len]));
}

static void hide_imeis(char *text)
{
    enum { IMEI_DIGITS = 15, IMEISV_DIGITS = 16, SHOWN = 8, SHOWN_BEHIND = 2 };
    char *line = text;

    while (*(line += strcspn(line, "0123456789"))) {
        size_t len = strspn(line, "0123456789");

        if ((len == IMEI_DIGITS || len == IMEISV_DIGITS) &&
            !is_in_hex(text, line, len))
            memset(line + SHOWN, '*', len - SHOWN - SHOWN_BEHIND);
        line += len;
    }
}

__attribute__((format(printf, 2, 0))) static void
say(enum log_level level, const char *format, va_list args)
{
    static const char priority[] = {'3', '4', '6', '7'};
    char line[LINE_MAX_BYTES];

    if (level > limit)
        return;
    vsnprintf(line, sizeof line, format, args);
    /* Names of files and answers of modules are anybody's text: one message
     * stays one line, and drives no terminal. */
    for (char *p = line; *p; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
    if (hides_imeis)
        hide_imeis(line);
    if (getenv("JOURNAL_STREAM"))
        fprintf(stderr, "<%c>%s\n", priority[level], line);
    else
        fprintf(stderr, "%s: %s\n", program, line);
}

#define LOG_FUNCTION(name, level)                                              \
    void name(const char *format, ...)                                         \
    {                                                                          \
        va_list args;                                                          \
                                                                               \
        va_start(args, format);                                                \
        say(level, format, args);                                              \
        va_end(args);                                                          \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
