/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every option of dfotad, once: what it is called, what it may be, where it
 * goes, what the help says.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_CONFIG_OPTIONS_TABLE_H
#define DFOTA_SERVER_CONFIG_OPTIONS_TABLE_H

#include <stddef.h>

#include "server/config/options.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_WORD,     /* one of the words of argument: "external|key" */
    OPTION_FLAG,     /* true or false */
    OPTION_NUMBER,   /* low to high */
    OPTION_DURATION, /* low to high seconds, or "forever", which is 0 */
    OPTION_HOW       /* says how it is run: true, only on the command line */
};

struct option_row {
    const char *name;
    size_t place; /* in struct options */
    /* Of a list: where its length is, from one to the next. */
    size_t count, stride;
    int64_t low, high;
    const char *fallback; /* what it is when nobody says; NULL: nothing */
    const char *argument; /* in the help; NULL: none */
    const char *help;     /* lines parted by \n */
    unsigned max;         /* of a list */
    enum option_kind kind;
    char letter;    /* -v; 0: none */
    bool flag_only; /* not of file and environment */
    bool secret;    /* a password may be part of it */
};

/** Ended by a name of NULL. */
extern const struct option_row option_rows[];

static inline bool option_is_list(const struct option_row *row)
{
    return row->stride > 0;
}

enum { OPTION_WHY_ROOM = 200 };

/* What a password was replaced by, in a dump. */
#define OPTION_MASKED "********"

/**
 * Give an option a value, as text.
 *
 * origin   a list that comes from elsewhere than what it has begins anew
 * why      out, when it is refused: what is wrong, and what is allowed
 */
bool option_set(struct options *options, unsigned row, const char *value,
                enum options_origin origin, char why[OPTION_WHY_ROOM]);

/** The effective configuration as a file, each value with where it comes
 * from; passwords are left out. */
void options_dump(const struct options *options);

/** "DFOTA_HTTPS" of "https" */
void option_variable(const struct option_row *row, char name[48]);

#endif
