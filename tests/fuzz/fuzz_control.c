/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses a family. Then requests of the control socket, a
 * line each, with AT lines between them
 * (those that begin with AT). Left out are the two that end the process.
 * An answer is one line; whatever was asked, `recover` and `power on` bring
 * the module back.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "modem/control.h"
#include "virtual_module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ANSWER_MAX = 65536, LINE_MAX_LEN = 4096 };

static bool ends_the_process(const char *line)
{
    return strstr(line, "cut") != NULL;
}

static void ask(struct module *m, const char *line)
{
    struct buffer answer;

    buffer_init(&answer, ANSWER_MAX);
    control_run(m, line, &answer);
    assert(answer.len > 0 && !answer.err);
    assert(!memchr(answer.data, '\n', answer.len));
    buffer_release(&answer);
}

static void take_line(struct module *m, const uint8_t *in, size_t len)
{
    char line[LINE_MAX_LEN];

    if (len >= sizeof line)
        len = sizeof line - 1;
    memcpy(line, in, len);
    line[len] = '\0';
    if (strncmp(line, "AT", 2) == 0) {
        terminal_feed(m, line, strlen(line));
        terminal_feed(m, "\r", 1);
    } else if (!ends_the_process(line)) {
        ask(m, line);
    }
    virtual_pass(1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct module *m = virtual_module(len > 0 ? data[0] : 0);

    data += len > 0;
    len -= len > 0;
    while (len > 0) {
        const uint8_t *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;

        take_line(m, data, n);
        data += end ? n + 1 : n;
        len -= end ? n + 1 : n;
    }
    ask(m, "state");
    virtual_pass(70000000);
    ask(m, "power on");
    virtual_pass(600000);
    assert(m->power == POWER_ON || m->power == POWER_HELD);
    return 0;
}
