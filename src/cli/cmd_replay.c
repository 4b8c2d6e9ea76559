/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfota replay: run the transcript of an upgrade through a session again, on
 * the transcript's clock.
 */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/upgrade_log.h"
#include "cli/upgrade_report.h"
#include "os/files.h"
#include "os/log.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MAX ((size_t)256 << 20)
#define MAX_TICKS 1000000 /* of a session that is left to its deadlines */

static const char help[] =
    "Usage: dfota replay [OPTION]... FILE\n"
    "Run a transcript of `dfota upgrade --log FILE` again: the same session, "
    "the\n"
    "same bytes at the same times, no module. Says what the upgrade said, "
    "and\n"
    "where this program would have sent something else.\n"
    "\n"
    "      --json    one JSON object a line, the last the verdict\n"
    "  -h, --help\n"
    "\n"
    "Exit status: that of the upgrade, but 1 if something else would have "
    "been\n"
    "sent, 2 for wrong usage or a file that is no transcript.\n";

struct replay {
    struct dfota_session_config config;
    struct dfota_session session;
    struct dfota_at_record record;
    bool has_record;
    bool begun;
    bool differs;
    struct upgrade_report report;
    const char *path;
    size_t line; /* of the transcript, from 1 */
    uint32_t now;
    uint8_t *package; /* as far as the transcript's sent bytes tell it */
    size_t known;
    uint8_t *bytes; /* of the line */
    size_t bytes_len;
};

static int bad_line(const struct replay *r, const char *why)
{
    log_error("%s:%zu: %s", r->path, r->line, why);
    return CLI_USAGE;
}

static void read_package(void *ctx, uint32_t off, uint8_t *out, size_t len)
{
    const struct replay *r = ctx;

    memcpy(out, r->package + off, len);
}

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    struct replay *r = ctx;

    upgrade_report_event(&r->report, &r->session, event, value);
}

static bool read_number(const char *text, uint32_t *number)
{
    return cli_parse_number(text, 0, UINT32_MAX, number);
}

static int read_timeout(struct replay *r, char *text)
{
    char *value = strchr(text, ' ');

    if (!value)
        return bad_line(r, "a time-out without its value");
    *value++ = '\0';
    for (int i = 0; i < DFOTA_TIMEOUT_COUNT; i++) {
        if (!strcmp(text, dfota_timeout_name((uint8_t)i)))
            return read_number(value, &r->config.timeout_ms[i])
                       ? CLI_DONE
                       : bad_line(r, "not a time-out");
    }
    return bad_line(r, "a time-out that is not known here");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_record(struct replay *r, const char *text)
{
    uint8_t *out = (uint8_t *)&r->record;

    for (size_t i = 0; i < sizeof(r->record); i++, text += 2) {
        if (hex_value(text[0]) < 0 || hex_value(text[1]) < 0)
            return bad_line(r, "not a state");
        out[i] = (uint8_t)(hex_value(text[0]) << 4 | hex_value(text[1]));
    }
    r->has_record = true;
    return CLI_DONE;
}

/* "# name value": what the session was told */
static int read_head(struct replay *r, char *text)
{
    char *value = strchr(text, ' ');

    if (r->begun)
        return bad_line(r, "a setting after the first bytes");
    if (value)
        *value++ = '\0';
    else
        value = text + strlen(text);
    if (!strcmp(text, "model"))
        r->config.family =
            dfota_family_named(dfota_families, dfota_families_count, value);
    else if (!strcmp(text, "url"))
        r->config.url = value;
    else if (!strcmp(text, "apn"))
        r->config.apn = value;
    else if (!strcmp(text, "to-version"))
        r->config.to_version = value;
    else if (!strcmp(text, "package"))
        return read_number(value, &r->config.package_len)
                   ? CLI_DONE
                   : bad_line(r, "not a size");
    else if (!strcmp(text, "timeout"))
        return read_timeout(r, value);
    else if (!strcmp(text, "usb"))
        r->config.usb = true;
    else if (!strcmp(text, "flow-control"))
        r->config.flow_control = true;
    else if (!strcmp(text, "record"))
        return read_record(r, value);
    return CLI_DONE; /* what a newer one may say */
}

/* Into r->bytes, in place of the text. */
static int read_bytes(struct replay *r, char *text)
{
    uint8_t *out = (uint8_t *)text;

    r->bytes = out;
    for (; *text; text++) {
        if (*text != '\\') {
            *out++ = (uint8_t)*text;
        } else if (text[1] == '\\') {
            *out++ = '\\';
            text++;
        } else if (text[1] == 'x' && hex_value(text[2]) >= 0 &&
                   hex_value(text[3]) >= 0) {
            *out++ = (uint8_t)(hex_value(text[2]) << 4 | hex_value(text[3]));
            text += 3;
        } else {
            return bad_line(r, "not bytes");
        }
    }
    r->bytes_len = (size_t)(out - r->bytes);
    return CLI_DONE;
}

static int begin(struct replay *r)
{
    r->begun = true;
    if (!r->config.url && r->config.package_len) {
        r->package = calloc(r->config.package_len, 1);
        if (!r->package)
            return bad_line(r, "a package too large for this machine");
    }
    if (dfota_session_init(&r->session, &r->config, 0))
        return bad_line(r, "no upgrade can begin so");
    if (r->has_record)
        (void)dfota_session_resume(&r->session, &r->record);
    return CLI_DONE;
}

/* Let the transcript's clock go on, from one due time to the next. */
static void pass(struct replay *r, uint32_t until)
{
    for (int i = 0; i < MAX_TICKS && !dfota_session_ended(&r->session); i++) {
        uint32_t due = dfota_session_due(&r->session, r->now);

        if (due > until - r->now || (!due && i > 16))
            break;
        r->now += due;
        dfota_session_tick(&r->session, r->now);
    }
    r->now = until;
    dfota_session_tick(&r->session, r->now);
}

static void tell_difference(struct replay *r, const uint8_t *would, size_t len)
{
    const uint8_t *cr = memchr(would, '\r', len);

    if (r->differs)
        return;
    r->differs = true;
    if (cr)
        len = (size_t)(cr - would);
    log_warn("%s:%zu: this program would have sent \"%.*s\"", r->path, r->line,
             (int)(len > 60 ? 60 : len), (const char *)would);
}

/* The bytes that went out then are what the session must hand out now. In
 * data mode they are the package, which is learnt from them. */
static void compare_sent(struct replay *r)
{
    uint8_t *data = r->bytes;
    size_t left = r->bytes_len;

    while (left && !r->differs) {
        uint8_t out[512];
        size_t room = left < sizeof(out) ? left : sizeof(out);
        size_t len;

        if (r->session.data_mode) {
            size_t place = r->session.sent;

            if (place + room > r->config.package_len)
                room = r->config.package_len - place;
            memcpy(r->package + place, data, room);
        }
        len = dfota_session_output(&r->session, out, room, r->now);
        if (!len || len > left || memcmp(out, data, len) != 0) {
            tell_difference(r, out, len);
            return;
        }
        data += len;
        left -= len;
    }
}

static int replay_event(struct replay *r, char dir)
{
    switch (dir) {
    case '>':
        compare_sent(r);
        return CLI_DONE;
    case '<':
        dfota_session_input(&r->session, r->bytes, r->bytes_len, r->now);
        return CLI_DONE;
    case '!':
        if (r->bytes_len == 4 && !memcmp(r->bytes, "lost", 4))
            dfota_session_port_lost(&r->session, r->now);
        else if (r->bytes_len == 4 && !memcmp(r->bytes, "back", 4))
            dfota_session_port_back(&r->session, r->now);
        else
            return bad_line(r, "neither lost nor back");
        return CLI_DONE;
    default:
        return bad_line(r, "neither >, < nor !");
    }
}

static int replay_line(struct replay *r, char *text)
{
    char *rest = strchr(text, ' ');
    uint32_t when;
    int status;

    if (!strncmp(text, "# ", 2))
        return read_head(r, text + 2);
    if (!rest || strlen(rest) < 3 || rest[2] != ' ')
        return bad_line(r, "not a line of a transcript");
    *rest = '\0';
    if (!read_number(text, &when) || when < r->now)
        return bad_line(r, "not a time, or one that goes back");
    status = r->begun ? CLI_DONE : begin(r);
    if (!status)
        status = read_bytes(r, rest + 3);
    if (status)
        return status;
    pass(r, when);
    return replay_event(r, rest[1]);
}

static int replay(struct replay *r, char *text)
{
    int status = CLI_DONE;
    char *line = strtok_r(text, "\n", &text);

    r->line = 1;
    if (!line || strcmp(line, UPGRADE_LOG_HEAD) != 0)
        return bad_line(r, "no transcript of dfota upgrade --log");
    while (!status && (line = strtok_r(NULL, "\n", &text))) {
        r->line++;
        status = replay_line(r, line);
    }
    if (!status && !r->begun)
        status = begin(r);
    if (status)
        return status;
    /* A run that was broken off: its deadlines decide. */
    for (int i = 0; i < MAX_TICKS && !dfota_session_ended(&r->session); i++) {
        r->now += dfota_session_due(&r->session, r->now);
        dfota_session_tick(&r->session, r->now);
    }
    status = upgrade_report_end(&r->report, &r->session, UPGRADE_END_VERDICT,
                                r->now);
    return r->differs ? CLI_FAILED : status;
}

static int parse_options(struct replay *r, int argc, char **argv, bool *help_on)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == '?')
            return CLI_USAGE;
        if (option == 'h')
            *help_on = true;
        else
            r->report.json = true;
    }
    if (*help_on)
        return CLI_DONE;
    if (optind + 1 != argc)
        return cli_usage_error("replay", "one transcript is needed");
    r->path = argv[optind];
    return CLI_DONE;
}

int cmd_replay(int argc, char **argv)
{
    static struct replay r;
    uint8_t *data = NULL;
    char *text = NULL;
    size_t len = 0;
    bool help_on = false;
    int status = parse_options(&r, argc, argv, &help_on);

    if (help_on)
        fputs(help, stdout);
    if (status || help_on)
        return status;
    dfota_session_defaults(&r.config);
    r.config.families = dfota_families;
    r.config.families_count = dfota_families_count;
    r.config.read = read_package;
    r.config.event = on_event;
    r.config.ctx = &r;
    progress_init(&r.report.progress, PROGRESS_NEVER, stderr);
    status = cli_read_file("transcript", r.path, &data, &len);
    if (!status)
        text = len < LOG_MAX ? malloc(len + 1) : NULL;
    if (text) {
        memcpy(text, data, len);
        text[len] = '\0';
        status = replay(&r, text);
    } else if (!status) {
        log_error("%s: too large for a transcript", r.path);
        status = CLI_FAILED;
    }
    free(text);
    free(data);
    free(r.package);
    return status;
}
