/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of a whole module, whose family the first byte chooses. Bytes go
 * in as they are but for these: 0xF8
 * to 0xFF let time pass, F7 and F6 switch DTR on and off, F5 is followed by
 * a byte that is taken as it is. Whatever came: once every time-out has
 * passed, the module answers AT.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "virtual_module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    AS_IT_IS = 0xF5,
    DTR_OFF = 0xF6,
    DTR_ON = 0xF7,
    TIME = 0xF8,
    /* A line of 1024 characters is full of commands that list all others. */
    SAID_MAX = 1 << 24,
    /* Longer than the longest upload time-out, 65535 s. */
    PATIENCE_MS = 70000000,
};

static const uint32_t passes[] = {1, 90, 300, 999, 1001, 5000, 60000, 3600000};

/* Returns bytes taken. */
static size_t step(struct module *m, const uint8_t *in, size_t len)
{
    size_t n = 0;

    if (*in >= TIME) {
        virtual_pass(passes[*in - TIME]);
        return 1;
    }
    if (*in == DTR_ON || *in == DTR_OFF) {
        terminal_set_dtr(m, *in == DTR_ON);
        return 1;
    }
    if (*in == AS_IT_IS && len > 1) {
        terminal_feed(m, in + 1, 1);
        return 2;
    }
    while (n < len && in[n] < AS_IT_IS)
        n++;
    if (n == 0)
        return 1;
    terminal_feed(m, in, n);
    virtual_pass(1);
    return n;
}

static void settle(struct module *m)
{
    virtual_pass(PATIENCE_MS);
    if (m->power == POWER_OFF)
        module_power_on(m);
    virtual_pass(60000);
}

static void answers_at(struct module *m)
{
    settle(m);
    /* Whatever S3 is, and the rest of a line, which may begin something, or
     * set S3. */
    terminal_reset(m);
    terminal_feed(m, "\r", 1);
    settle(m);
    terminal_reset(m);
    assert(m->power == POWER_ON && m->agent.state == AGENT_IDLE);
    assert(!m->term.running && !m->term.in_data && !m->term.dumb);
    terminal_feed(m, "ATZE0\r", 6);
    terminal_feed(m, "AT\r", 3);
    assert(virtual_ended_with("\r\nOK\r\n\r\nOK\r\n"));
    assert(virtual_said() < SAID_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct module *m = virtual_module(len > 0 ? data[0] : 0);

    data += len > 0;
    len -= len > 0;
    while (len > 0) {
        size_t n = step(m, data, len);

        data += n;
        len -= n;
    }
    answers_at(m);
    return 0;
}
