/* SPDX-License-Identifier: Apache-2.0 */
#include "atserver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "board.h"
#include "calendar.h"
#include "codecs.h"
#include "eventlog.h"
#include "node.h"
#include "telemetry.h"
#include "version.h"

#define ARG_MAX 160

/* CME error numbers of 3GPP TS 27.007 9.2 that the node uses. */
static const struct {
    int number;
    const char *text;
} cme_texts[] = {
    {3, "operation not allowed"},
    {4, "operation not supported"},
    {20, "memory full"},
    {21, "invalid index"},
    {22, "not found"},
    {23, "memory failure"},
    {24, "text string too long"},
    {25, "invalid characters in text string"},
    {50, "Incorrect parameters"},
    {100, "unknown"},
};

enum form {
    FORM_RUN,   /* AT+X */
    FORM_READ,  /* AT+X? */
    FORM_TEST,  /* AT+X=? */
    FORM_WRITE, /* AT+X=.. */
};

/* One command of a line; arg is what comes behind '='. */
struct call {
    enum form form;
    const char *arg;
    uint32_t now_ms;
};

static int error_mode = 1;

/* Returns 0, a CME number, or -1 for a plain ERROR. */
typedef int (*handler)(const struct call *c);

static int at_maker(const struct call *c)
{
    (void)c;
    printf("dfota\n");
    return 0;
}

static int at_model(const struct call *c)
{
    (void)c;
    printf("%s\n", version_model());
    return 0;
}

static int at_revision(const struct call *c)
{
    (void)c;
    printf("Revision: %s\n", version_text());
    return 0;
}

static int at_serial(const struct call *c)
{
    char value[SETTINGS_VALUE_MAX + 1] = "000000000000000";

    (void)c;
    settings_get(&node.settings, "serial", value, sizeof(value));
    printf("%s\n", value);
    return 0;
}

static int at_cmee(const struct call *c)
{
    int n;

    if (c->form == FORM_TEST) {
        printf("+CMEE: (0-2)\n");
    } else if (c->form == FORM_READ) {
        printf("+CMEE: %d\n", error_mode);
    } else if (c->form == FORM_WRITE) {
        n = decimal(c->arg);
        if (n < 0 || n > 2)
            return 50;
        error_mode = n;
    } else {
        return 3;
    }
    return 0;
}

static int at_cclk(const struct call *c)
{
    char iso[24];
    uint32_t seconds;

    if (c->form == FORM_READ) {
        calendar_iso(node_time(c->now_ms), iso, sizeof(iso));
        printf("+CCLK: \"%s\"\n", iso);
        return 0;
    }
    if (c->form != FORM_WRITE)
        return 3;
    if (calendar_parse(c->arg, &seconds) != 0)
        return 50;
    node.clock_offset = seconds - c->now_ms / 1000;
    return 0;
}

static int at_temp(const struct call *c)
{
    if (c->form == FORM_READ) {
        printf("+TEMP: %.2f,%.2f,%.3f\n", node.celsius, node.target,
               node.room.heater);
        return 0;
    }
    if (c->form == FORM_WRITE) {
        char *end;
        double v = strtod(c->arg, &end);

        if (end == c->arg || v < 5 || v > 30)
            return 50;
        node.target = v;
        return 0;
    }
    if (c->form == FORM_TEST) {
        printf("+TEMP: (5-30)\n");
        return 0;
    }
    return 3;
}

static int at_frame(const struct call *c)
{
    char out[512];
    int len;

    len = c->form == FORM_READ ? telemetry_sealed(c->now_ms, out, sizeof(out))
                               : telemetry_json(c->now_ms, out, sizeof(out));
    if (len < 0)
        return 23;
    printf("+FRAME: %d,%s\n", len, out);
    return 0;
}

static int at_json(const struct call *c)
{
    int n;

    if (c->form != FORM_WRITE)
        return 3;
    n = telemetry_command(c->arg);
    if (n < 0)
        return 25;
    printf("+JSON: %d\n", n);
    return 0;
}

static int list_pair(void *ctx, const char *key, const char *value)
{
    (void)ctx;
    printf("+CFG: \"%s\",\"%s\"\n", key, value);
    return 0;
}

static int at_cfg(const struct call *c)
{
    char key[SETTINGS_KEY_MAX + 1];
    const char *comma;
    size_t len;
    int err;

    if (c->form != FORM_WRITE)
        return settings_each(&node.settings, list_pair, NULL);
    comma = strchr(c->arg, ',');
    len = comma ? (size_t)(comma - c->arg) : strlen(c->arg);
    if (len > SETTINGS_KEY_MAX)
        return 24;
    memcpy(key, c->arg, len);
    key[len] = '\0';
    err = settings_set(&node.settings, key, comma ? comma + 1 : "");
    if (err == DFOTA_E_FULL)
        return 20;
    return err == DFOTA_E_ARG ? 50 : err ? 23 : 0;
}

static int at_reset(const struct call *c)
{
    (void)c;
    printf("OK\n");
    board_reset();
    return 0;
}

static int at_led(const struct call *c)
{
    if (c->form == FORM_READ)
        printf("+LED: %lu\n", (unsigned long)(BOARD_LED & 3));
    else if (c->form == FORM_WRITE && strspn(c->arg, "0123") == 1)
        BOARD_LED = (uint32_t)(c->arg[0] - '0');
    else
        return 50;
    return 0;
}

#if DEMO_MINOR >= 1
static int at_stat(const struct call *c)
{
    if (c->form == FORM_WRITE) {
        memset(&node.stats, 0, sizeof(node.stats));
        return 0;
    }
    printf("+STAT: %lu,%.3f,%.3f,%.2f,%.2f\n", node.stats.n, node.stats.mean,
           stats_deviation(&node.stats), (double)node.stats.least,
           (double)node.stats.greatest);
    return 0;
}
#endif

static int at_list(const struct call *c);

static const struct {
    const char *name;
    handler run;
} commands[] = {
    {"+CCLK", at_cclk},   {"+CFG", at_cfg},     {"+CGMI", at_maker},
    {"+CGMM", at_model},  {"+CGSN", at_serial}, {"+CLAC", at_list},
    {"+CMEE", at_cmee},   {"+FRAME", at_frame}, {"+CGMR", at_revision},
    {"+GMI", at_maker},   {"+GMM", at_model},   {"+GMR", at_revision},
    {"+GSN", at_serial},  {"+JSON", at_json},   {"+LED", at_led},
#if DEMO_MINOR >= 1
    {"+STAT", at_stat},
#endif
    {"+RESET", at_reset}, {"+TEMP", at_temp},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int at_list(const struct call *c)
{
    (void)c;
    for (size_t i = 0; i < COMMANDS; i++)
        printf("AT%s\n", commands[i].name);
    return 0;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static bool names(const char *text, size_t len, const char *name)
{
    if (strlen(name) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (upper(text[i]) != name[i])
            return false;
    return true;
}

/* The end of a command: a ';' that is not inside quotes. */
static const char *command_end(const char *p)
{
    bool quoted = false;

    for (; *p && (quoted || *p != ';'); p++)
        if (*p == '"')
            quoted = !quoted;
    return p;
}

/* Copy an argument; one pair of quotes around all of it goes. */
static int copy_arg(const char *from, const char *end, char *out)
{
    if (end - from >= 2 && *from == '"' && end[-1] == '"') {
        from++;
        end--;
    }
    if (end - from >= ARG_MAX)
        return 24;
    memcpy(out, from, (size_t)(end - from));
    out[end - from] = '\0';
    return 0;
}

static int run_extended(const char *p, const char *end, uint32_t now_ms)
{
    char arg[ARG_MAX] = "";
    struct call c = {FORM_RUN, arg, now_ms};
    size_t len = strcspn(p, "=?;");
    int err = 0;

    if (p[len] == '?') {
        c.form = FORM_READ;
    } else if (p[len] == '=' && p[len + 1] == '?') {
        c.form = FORM_TEST;
    } else if (p[len] == '=') {
        c.form = FORM_WRITE;
        err = copy_arg(p + len + 1, end, arg);
    }
    for (size_t i = 0; err == 0 && i < COMMANDS; i++)
        if (names(p, len, commands[i].name))
            return commands[i].run(&c);
    return err ? err : -1;
}

/* A basic command: a letter and a number. */
static int run_basic(const char **p)
{
    char letter = upper(*(*p)++);
    long n = 0;

    if (**p >= '0' && **p <= '9') {
        char *end;

        n = strtol(*p, &end, 10);
        *p = end;
    }
    switch (letter) {
    case 'E':
    case 'V':
    case 'Q':
        return n > 1 ? -1 : 0;
    case 'I':
        printf("dfota\n%s\nRevision: %s\n", version_model(), version_text());
        return 0;
    case 'Z':
        error_mode = 1;
        return 0;
    default:
        return -1;
    }
}

static void print_result(int err)
{
    if (err == 0) {
        printf("OK\n");
        return;
    }
    if (err < 0 || error_mode == 0) {
        printf("ERROR\n");
        return;
    }
    for (size_t i = 0; i < sizeof(cme_texts) / sizeof(cme_texts[0]); i++) {
        if (error_mode == 2 && cme_texts[i].number == err) {
            printf("+CME ERROR: %s\n", cme_texts[i].text);
            return;
        }
    }
    printf("+CME ERROR: %d\n", err);
}

bool atserver_takes(const char *line)
{
    return upper(line[0]) == 'A' && upper(line[1]) == 'T';
}

void atserver_line(const char *line, uint32_t now_ms)
{
    const char *p = line + 2;
    int err = 0;

    while (err == 0 && *p) {
        if (*p == ' ' || *p == ';') {
            p++;
        } else if (*p == '+') {
            const char *end = command_end(p);

            err = run_extended(p, end, now_ms);
            p = end;
        } else {
            err = run_basic(&p);
        }
    }
    if (err)
        eventlog(EVENT_WARNING, now_ms, "AT: %.40s: error %d", line, err);
    print_result(err);
}
