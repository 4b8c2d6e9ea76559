/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

/* Images are far smaller; what is larger is not one. */
enum { FILE_MAX = 1 << 30 };

int cli_usage_error(const char *command, const char *format, ...)
{
    char text[4500]; /* the longest path, and some words */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_error("%s: %s; see `dfota %s --help`", command, text, command);
    return CLI_USAGE;
}

static bool unit_shift(const char *unit, unsigned *shift)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"", 0},     {"B", 0},  {"K", 10},  {"KB", 10},
                 {"KiB", 10}, {"M", 20}, {"MB", 20}, {"MiB", 20}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(unit, units[i].name) == 0) {
            *shift = units[i].shift;
            return true;
        }
    }
    return false;
}

/* Decimal or 0x..: a leading 0 is no octal number. */
static int base_of(const char *text)
{
    return text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10;
}

bool cli_parse_size(const char *text, uint32_t *out)
{
    char *end;
    unsigned long long v;
    unsigned shift;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    v = strtoull(text, &end, base_of(text));
    if (errno || end == text || !unit_shift(end, &shift))
        return false;
    if (v > UINT32_MAX || v << shift > UINT32_MAX)
        return false;
    *out = (uint32_t)(v << shift);
    return true;
}

bool cli_parse_number(const char *text, uint32_t low, uint32_t high,
                      uint32_t *out)
{
    char *end;
    unsigned long long v;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    v = strtoull(text, &end, base_of(text));
    if (errno || *end != '\0' || v < low || v > high)
        return false;
    *out = (uint32_t)v;
    return true;
}

int cli_check_output(const char *command, const char *output,
                     const char *const *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (strcmp(inputs[i], "-") == 0 && strcmp(inputs[j], "-") == 0)
                return cli_usage_error(command, "only one input can be "
                                                "standard input");
        }
        if (output && strcmp(output, "-") != 0 && files_same(output, inputs[i]))
            return cli_usage_error(command,
                                   "the output %s would overwrite the input %s",
                                   output, inputs[i]);
    }
    return CLI_DONE;
}

int cli_close_stdout(int status)
{
    bool bad = ferror(stdout) != 0;

    bad |= fflush(stdout) != 0;
    if (bad && status == CLI_DONE) {
        log_error("standard output: %s",
                  errno ? strerror(errno) : "it cannot be written");
        return CLI_FAILED;
    }
    return status;
}

int cli_read_file(const char *what, const char *path, uint8_t **data,
                  size_t *len)
{
    int err = files_read(path, FILE_MAX, data, len);

    switch (err) {
    case 0:
        return CLI_DONE;
    case DFOTA_E_FULL:
        log_error("%s %s: larger than 1 GiB, this is no firmware image", what,
                  path);
        break;
    case DFOTA_E_ARG:
        log_error("%s %s: neither a regular file nor a pipe", what, path);
        break;
    default:
        log_error("%s %s: %s", what, path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
        break;
    }
    return CLI_FAILED;
}

int cli_write_file(const char *path, const void *data, size_t len)
{
    int err = files_write(path, data, len);

    if (!err)
        return CLI_DONE;
    log_error("%s: %s", strcmp(path, "-") == 0 ? "standard output" : path,
              err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    return CLI_FAILED;
}

int cli_status_of(int err)
{
    switch (err) {
    case 0:
        return CLI_DONE;
    case DFOTA_E_CORRUPT:
    case DFOTA_E_TRUNCATED:
    case DFOTA_E_VERSION:
    case DFOTA_E_ARCH:
    case DFOTA_E_SIGNATURE:
    case DFOTA_E_KEY:
    case DFOTA_E_CLASS:
    case DFOTA_E_SLOT:
    case DFOTA_E_BACKUP:
    case DFOTA_E_SOURCE:
    case DFOTA_E_TARGET:
    case DFOTA_E_COUNTER:
    case DFOTA_E_PERMIT:
    case DFOTA_E_ARENA:
    case DFOTA_E_NOPACKAGE:
        return CLI_REFUSED;
    default:
        return CLI_FAILED;
    }
}
