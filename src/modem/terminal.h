/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The terminal side of a module: runs command lines, composes answers,
 * prints URCs, knows data mode.
 *
 * Layer: modem. Output leaves by module.send: an answer with its final code
 * in one piece, each URC in a piece of its own.
 *
 * source   ITU-T V.250 5.7, 6.2; 3GPP TS 27.007 9
 */
#ifndef DFOTA_MODEM_TERMINAL_H
#define DFOTA_MODEM_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "modem/datamode.h"
#include "modem/dialect.h"
#include "modem/syntax.h"
#include "os/buffer.h"

struct terminal {
    struct syntax syntax;
    bool echo, verbose, quiet;
    uint8_t cmee;     /* 0 ERROR, 1 numbers, 2 words */
    uint8_t dtr_rule; /* AT&D */
    bool dtr;
    bool dumb;               /* nothing is answered, bytes are dropped */
    bool glue;               /* the next URC leaves with the one behind it */
    bool running;            /* a command line has not had its final code */
    bool headed;             /* the running command has printed information */
    bool in_data;            /* data mode */
    bool rate_due;           /* AT+IPR: new behind the final code */
    const char *at;          /* rest of the running line */
    struct buffer out, held; /* being composed; URCs held in data mode */
    struct datamode data;
    uv_timer_t data_timer;
    /* What to do when data mode ends; the AT_* or CME it returns ends the
     * command. */
    int (*data_done)(struct module *m, enum data_end end);
    uint64_t dropped;    /* bytes, while dumb or off */
    uint64_t lines;      /* command lines run */
    uint64_t dumb_lines; /* AT seen while dumb */
    uint8_t dumb_seen;   /* of the two letters */
};

void terminal_init(struct module *m);
void terminal_close(struct module *m);

/** Back to the profile, as a boot or ATZ does. */
void terminal_reset(struct module *m);

/** Bytes from the host. */
void terminal_feed(struct module *m, const void *data, size_t len);

/** One line of information of the running command. */
void terminal_info(struct module *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Bytes of the running command's answer as they are. */
void terminal_raw(struct module *m, const void *data, size_t len);

/** An unsolicited line, in one write. */
void terminal_urc(struct module *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Go to data mode for the running command, which returns AT_LATER. */
void terminal_data(struct module *m, uint32_t size, uint32_t timeout_s,
                   int (*done)(struct module *m, enum data_end end));

/** A reset or a power-off: whatever ran or came in is forgotten. */
void terminal_abort(struct module *m);

/** The control line DTR; its fall may end data mode (AT&D). */
void terminal_set_dtr(struct module *m, bool on);

/** What a cause that is a command error is answered with. */
int terminal_answer(const struct module *m, enum cause cause);

#endif
