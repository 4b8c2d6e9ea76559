/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "modem/modem.h"

enum { OUT_MAX = 8 * 1048576, HELD_MAX = 65536 };

/* Words of the general CME numbers that the families share (3GPP TS 27.007
 * 9.2, and 403.. of the file commands). */
static const struct number_text general_texts[] = {
    {3, "operation not allowed"},
    {10, "SIM not inserted"},
    {30, "no network service"},
    {50, "incorrect parameters"},
    {403, "storage full"},
    {405, "file not found"},
    {406, "invalid file name"},
    {407, "file already exists"},
    {409, "write file failed"},
    {411, "read file failed"},
    {418, "delete file failed"},
    {420, "no space"},
    {421, "timeout"},
    {423, "file too large"},
    {425, "invalid parameter"},
    {426, "file open failed"},
    {0, NULL},
};

static void flush(struct module *m)
{
    struct terminal *t = &m->term;

    if (t->out.len > 0)
        m->send(m->line, t->out.data, t->out.len);
    buffer_clear(&t->out);
}

static void flush_held(struct module *m)
{
    struct buffer *held = &m->term.held;

    if (held->len > 0)
        m->send(m->line, held->data, held->len);
    buffer_clear(held);
}

static void line_ends(struct module *m, char ends[2])
{
    ends[0] = (char)m->term.syntax.s3;
    ends[1] = (char)m->term.syntax.s4;
}

static void put_line(struct module *m, const char *text, bool head)
{
    struct buffer *out = &m->term.out;
    char ends[2];

    line_ends(m, ends);
    if (head)
        buffer_add(out, ends, 2);
    buffer_add_str(out, text);
    buffer_add(out, ends, 2);
}

void terminal_info(struct module *m, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(m, text, m->term.verbose && !m->term.headed);
    m->term.headed = true;
}

void terminal_raw(struct module *m, const void *data, size_t len)
{
    buffer_add(&m->term.out, data, len);
}

void terminal_urc(struct module *m, const char *format, ...)
{
    struct terminal *t = &m->term;
    char text[1024], line[1100];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(line, sizeof line, "\r\n%s\r\n", text);
    buffer_add_str(&t->held, line);
    if (!t->in_data && !t->glue)
        flush_held(m);
    t->glue = false;
}

static void put_code(struct module *m, const char *word, int number)
{
    struct terminal *t = &m->term;
    char digits[16];

    if (t->quiet)
        return;
    if (t->verbose) {
        put_line(m, word, true);
        return;
    }
    snprintf(digits, sizeof digits, "%d%c", number, t->syntax.s3);
    buffer_add_str(&t->out, digits);
}

static const char *cme_text(const struct module *m, int number)
{
    const struct number_text *tables[] = {m->d->texts, general_texts};

    for (int i = 0; i < 2; i++) {
        for (const struct number_text *t = tables[i]; t && t->text; t++) {
            if (t->number == number)
                return t->text;
        }
    }
    return "unknown";
}

static void put_final(struct module *m, int result)
{
    struct terminal *t = &m->term;
    char text[96];

    if (result == AT_OK) {
        put_code(m, "OK", 0);
        return;
    }
    if (result < 0 || t->cmee == 0) {
        put_code(m, "ERROR", 4);
        return;
    }
    if (t->quiet)
        return;
    if (t->cmee == 1)
        snprintf(text, sizeof text, "+CME ERROR: %d", result);
    else
        snprintf(text, sizeof text, "+CME ERROR: %s", cme_text(m, result));
    put_line(m, text, t->verbose);
}

static int run(struct module *m, const struct syntax_command *command)
{
    const struct command *row = dialect_command(m->d, command->name);
    struct syntax_params params;
    struct at_call call = {command, &params};

    params.count = 0;
    m->term.headed = false;
    if (!row || !(row->forms & command->form))
        return AT_ERROR;
    if (command->form == FORM_TEST && !(row->test && !row->test[0])) {
        if (row->test)
            terminal_info(m, "%s", row->test);
        return AT_OK;
    }
    if (command->form == FORM_WRITE &&
        syntax_params(&params, command->args, command->args_len) != 0)
        return AT_ERROR;
    return row->handler ? row->handler(m, &call) : AT_OK;
}

/* Run what is left of the line: every command's information, one code. */
static void go_on(struct module *m, int result)
{
    struct terminal *t = &m->term;
    struct syntax_command command;

    while (result == AT_OK) {
        int err = syntax_next(&t->at, &command);

        if (err == DFOTA_DONE)
            break;
        result = err ? AT_ERROR : run(m, &command);
    }
    if (result == AT_LATER) {
        flush(m);
        return;
    }
    t->running = false;
    put_final(m, result);
    flush(m);
    if (t->rate_due)
        m->set_rate(m->line, m->set.rate);
    t->rate_due = false;
    agent_line_done(m);
}

static void begin_line(struct module *m)
{
    m->term.running = true;
    m->term.lines++;
    m->term.at = m->term.syntax.line;
    go_on(m, AT_OK);
}

static void end_data(struct module *m, enum data_end end)
{
    struct terminal *t = &m->term;
    int result;

    uv_timer_stop(&t->data_timer);
    t->in_data = false;
    result = t->data_done(m, end);
    go_on(m, result);
    flush_held(m);
}

static void on_data_timer(uv_timer_t *timer)
{
    struct module *m = timer->data;
    uint64_t now = uv_now(m->loop), wake;
    enum data_end end = datamode_tick(&m->term.data, now);

    if (end != DATA_GOES_ON) {
        end_data(m, end);
        return;
    }
    wake = datamode_wake_ms(&m->term.data);
    uv_timer_start(timer, on_data_timer, wake > now ? wake - now : 1, 0);
}

static void wake_for_data(struct module *m)
{
    uint64_t now = uv_now(m->loop);
    uint64_t wake = datamode_wake_ms(&m->term.data);

    uv_timer_start(&m->term.data_timer, on_data_timer,
                   wake > now ? wake - now : 1, 0);
}

void terminal_data(struct module *m, uint32_t size, uint32_t timeout_s,
                   int (*done)(struct module *m, enum data_end end))
{
    struct terminal *t = &m->term;
    int (*sink)(void *, const uint8_t *, size_t) = t->data.sink;
    void *ctx = t->data.ctx;
    bool acknowledge = t->data.acknowledge;

    uv_update_time(m->loop);
    datamode_begin(&t->data, size, timeout_s * 1000, uv_now(m->loop));
    t->data.sink = sink;
    t->data.ctx = ctx;
    t->data.acknowledge = acknowledge;
    t->data_done = done;
    t->in_data = true;
    put_code(m, "CONNECT", 1);
    flush(m);
    wake_for_data(m);
}

static void acknowledge(struct module *m)
{
    struct datamode *d = &m->term.data;

    for (; d->acknowledge && d->acknowledged < d->got / 1024; d->acknowledged++)
        m->send(m->line, "A", 1);
}

/* Returns bytes taken. */
static size_t feed_data(struct module *m, const uint8_t *in, size_t len)
{
    struct terminal *t = &m->term;
    enum data_end end;
    size_t taken;

    end = datamode_feed(&t->data, in, len, &taken, uv_now(m->loop));
    acknowledge(m);
    if (end != DATA_GOES_ON) {
        end_data(m, end);
        /* What a host padded behind the end is swallowed (fwupd does). */
        return len;
    }
    wake_for_data(m);
    return taken;
}

static void feed_byte(struct module *m, uint8_t byte)
{
    struct terminal *t = &m->term;
    bool kept;
    enum syntax_event event = syntax_feed(&t->syntax, byte, &kept);

    if (t->echo && kept)
        buffer_add(&t->out, &byte, 1);
    if (event == SYNTAX_LINE) {
        begin_line(m);
    } else if (event == SYNTAX_TOO_LONG) {
        put_final(m, AT_ERROR);
        flush(m);
    }
}

static void drop(struct module *m, const uint8_t *in, size_t len)
{
    struct terminal *t = &m->term;

    t->dropped += len;
    for (size_t i = 0; i < len; i++) {
        bool at = t->dumb_seen == 1 && (in[i] | 0x20) == 't';

        t->dumb_lines += at;
        t->dumb_seen = (in[i] | 0x20) == 'a';
    }
}

void terminal_feed(struct module *m, const void *data, size_t len)
{
    struct terminal *t = &m->term;
    const uint8_t *in = data;

    uv_update_time(m->loop);
    while (len > 0) {
        size_t taken = 1;

        if (t->dumb) {
            drop(m, in, len);
            return;
        }
        if (t->in_data)
            taken = feed_data(m, in, len);
        else
            feed_byte(m, *in);
        in += taken;
        len -= taken;
    }
    if (!t->in_data)
        flush(m);
}

void terminal_set_dtr(struct module *m, bool on)
{
    struct terminal *t = &m->term;
    bool falls = t->dtr && !on;

    t->dtr = on;
    if (falls && t->in_data && t->dtr_rule >= 1)
        end_data(m, DATA_ESCAPED);
}

void terminal_abort(struct module *m)
{
    struct terminal *t = &m->term;

    uv_timer_stop(&t->data_timer);
    if (t->in_data)
        t->data_done(m, DATA_FAILED);
    t->in_data = false;
    t->running = false;
    t->dumb = true;
    t->dumb_seen = 0;
    buffer_clear(&t->held);
    buffer_clear(&t->out);
    t->syntax.state = 0;
}

int terminal_answer(const struct module *m, enum cause cause)
{
    const struct answer *a = &m->d->answers[cause];

    return a->form == ANSWER_CME ? a->number : AT_ERROR;
}

void terminal_reset(struct module *m)
{
    struct terminal *t = &m->term;

    /* Not syntax_init(): ATZ runs in the middle of a line. */
    t->syntax.s3 = 13;
    t->syntax.s4 = 10;
    t->syntax.s5 = 8;
    t->echo = m->set.echo;
    t->cmee = m->set.cmee;
    t->verbose = true;
    t->quiet = false;
    t->dtr_rule = 0;
    memset(m->creg_report, 0, sizeof m->creg_report);
}

void terminal_init(struct module *m)
{
    struct terminal *t = &m->term;

    *t = (struct terminal){.dtr = true, .dumb = true};
    syntax_init(&t->syntax);
    buffer_init(&t->out, OUT_MAX);
    buffer_init(&t->held, HELD_MAX);
    uv_timer_init(m->loop, &t->data_timer);
    t->data_timer.data = m;
    terminal_reset(m);
}

void terminal_close(struct module *m)
{
    uv_close((uv_handle_t *)&m->term.data_timer, NULL);
    buffer_release(&m->term.out);
    buffer_release(&m->term.held);
}
