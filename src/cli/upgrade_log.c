/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/upgrade_log.h"
#include <ctype.h>

static void write_text(FILE *out, const char *name, const char *value)
{
    if (value)
        fprintf(out, "# %s %s\n", name, value);
}

void upgrade_log_head(const struct upgrade_log *log,
                      const struct dfota_session_config *config,
                      const struct dfota_at_record *record)
{
    const uint8_t *bytes = (const uint8_t *)record;
    FILE *out = log->out;

    if (!out)
        return;
    fprintf(out, UPGRADE_LOG_HEAD "\n");
    write_text(out, "model", config->family ? config->family->name : "auto");
    write_text(out, "url", config->url);
    write_text(out, "apn", config->apn);
    write_text(out, "to-version", config->to_version);
    if (!config->url)
        fprintf(out, "# package %u\n", (unsigned)config->package_len);
    for (int i = 0; i < DFOTA_TIMEOUT_COUNT; i++)
        fprintf(out, "# timeout %s %u\n", dfota_timeout_name((uint8_t)i),
                (unsigned)config->timeout_ms[i]);
    if (config->usb)
        fputs("# usb\n", out);
    if (config->flow_control)
        fputs("# flow-control\n", out);
    if (record) {
        fputs("# record ", out);
        for (size_t i = 0; i < sizeof(*record); i++)
            fprintf(out, "%02x", bytes[i]);
        fputc('\n', out);
    }
    fflush(out);
}

void upgrade_log_bytes(const struct upgrade_log *log, char dir,
                       const uint8_t *data, size_t len, uint32_t now_ms)
{
    FILE *out = log->out;

    if (!out || !len)
        return;
    fprintf(out, "%u %c ", (unsigned)(now_ms - log->began_ms), dir);
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\\')
            fputs("\\\\", out);
        else if (isascii(data[i]) && isprint(data[i]))
            fputc(data[i], out);
        else
            fprintf(out, "\\x%02x", data[i]);
    }
    fputc('\n', out);
    fflush(out);
}

void upgrade_log_port(const struct upgrade_log *log, bool back, uint32_t now_ms)
{
    if (!log->out)
        return;
    fprintf(log->out, "%u ! %s\n", (unsigned)(now_ms - log->began_ms),
            back ? "back" : "lost");
    fflush(log->out);
}
