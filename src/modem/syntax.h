/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The syntax of an AT command line: bytes to lines, lines to commands,
 * arguments to typed parameters. No I/O, no meaning.
 *
 * Layer: modem. A line is kept after it ran, so that A/ can repeat it.
 *
 * source   ITU-T V.250 5.2 .. 5.4
 */
#ifndef DFOTA_MODEM_SYNTAX_H
#define DFOTA_MODEM_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SYNTAX_LINE_MAX = 1024, /* characters behind AT */
    SYNTAX_NAME_MAX = 24,
    SYNTAX_PARAMS_MAX = 16,
};

enum syntax_event {
    SYNTAX_NOTHING,  /* the line goes on */
    SYNTAX_LINE,     /* a line is complete (or repeated by A/) */
    SYNTAX_TOO_LONG, /* a line ended that was longer than the limit */
};

struct syntax {
    uint8_t s3, s4, s5; /* line end, line feed, backspace characters */
    uint8_t state;
    bool too_long;
    size_t len;
    char line[SYNTAX_LINE_MAX + 1]; /* behind AT, NUL behind it */
};

/** The defaults of V.250: S3 13, S4 10, S5 8. */
void syntax_init(struct syntax *s);

/**
 * Take one byte from the line.
 *
 * kept     out: the byte is one that a terminal gets echoed; ignored
 *          control characters are not
 */
enum syntax_event syntax_feed(struct syntax *s, uint8_t byte, bool *kept);

enum command_form {
    FORM_EXEC = 1,  /* AT+X, and basic commands */
    FORM_READ = 2,  /* AT+X? */
    FORM_WRITE = 4, /* AT+X=.. */
    FORM_TEST = 8,  /* AT+X=? */
};

struct syntax_command {
    char name[SYNTAX_NAME_MAX]; /* upper case, with its + or & */
    enum command_form form;
    uint32_t number;  /* of a basic command, 0 when none was given */
    const char *args; /* FORM_WRITE: behind the = */
    size_t args_len;
};

/**
 * Take the next command of a line.
 *
 * at       in: where to read; out: behind the command
 * returns  0 | DFOTA_DONE no command is left
 * errors   E_SYNTAX
 */
int syntax_next(const char **at, struct syntax_command *c);

enum param_kind {
    PARAM_NONE,   /* nothing between the commas */
    PARAM_INT,    /* digits, a sign before them */
    PARAM_STRING, /* in quotes; escapes are undone in text */
    PARAM_BARE,   /* anything else without quotes */
};

struct param {
    enum param_kind kind;
    int64_t value;    /* PARAM_INT; clamped to +-2^62 */
    const char *text; /* NUL-terminated; in the pool of syntax_params */
    size_t len;       /* bytes of text */
    size_t raw_len;   /* bytes as they came, between the quotes */
};

struct syntax_params {
    size_t count; /* 0 when args is empty */
    struct param p[SYNTAX_PARAMS_MAX];
    char pool[SYNTAX_LINE_MAX + SYNTAX_PARAMS_MAX + 1];
};

/** Split and type the parameters of a write form. errors: E_SYNTAX */
int syntax_params(struct syntax_params *p, const char *args, size_t len);

#endif
