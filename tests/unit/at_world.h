/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A module by rote for the session's tests: it answers as its family does, and
 * after the trigger it prints what the document's example prints
 * (tests/golden/at), a line a second, on a virtual clock. Bytes to the host
 * can be hit by noise or come in two parts; it counts triggers, and commands
 * that reach it in DFOTA mode.
 */
#ifndef TESTS_UNIT_AT_WORLD_H
#define TESTS_UNIT_AT_WORLD_H

#include "at/session.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_LINES 40

struct world_line {
    char stage[12];  /* where the host is after it */
    int32_t percent; /* -1: none */
    char text[96];
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): by meaning */
struct world {
    /* what a test sets */
    const char *golden; /* file of tests/golden/at, without .txt */
    const char *family; /* of the module */
    bool by_file;
    uint32_t rarity; /* noise before one in so many bytes; 0: none */
    uint32_t seed;
    size_t cut;     /* a pause before that byte of the module; 0: none */
    bool no_banner; /* mc65 whose rate adapts */
    const char *trigger_says; /* instead of OK, and then nothing happens */
    int trigger_refusals;     /* how often: 0 with trigger_says: always */
    const char *upload_says;  /* instead of CONNECT */
    bool loses_acks;          /* of an upload */
    const char *updated_by;   /* what a line has that makes it the new version;
                               * NULL: END */
    const char *old;          /* versions it runs before and after END */
    const char *new;
    /* what it reads */
    struct dfota_session_config config;
    struct dfota_session session;
    struct world_line lines[WORLD_LINES];
    size_t lines_count;
    uint32_t now;
    int triggers;
    int uploads;
    int restarts; /* by AT+CFUN=1,1 */
    int retries;
    int deaf_commands; /* in DFOTA mode */
    unsigned long insertions;
    size_t said; /* bytes to the host, noise apart */
    unsigned warnings;
    /* its own */
    uint8_t package[2500];
    bool deaf;
    bool updated;
    size_t at; /* the next line to print, once triggered */
    uint32_t line_at;
    uint32_t data_left; /* of an upload */
    uint32_t data_len;
    uint32_t data_until;
    uint16_t data_sum;
    bool data_ack;
    bool data_mode;
    char command[800];
    size_t command_len;
    char out[8192];
    size_t out_len;
};

/** Read the golden file into lines. */
void world_read_golden(struct world *w);

/** Set what a test may leave out, read the golden file. */
void world_init(struct world *w, const char *golden, const char *family,
                bool by_file);

/** Print these lines after the trigger instead of the golden ones. */
void world_set_lines(struct world *w, const char *const *texts, size_t count);

/** Run a session to its verdict. Fails the test if there is none. */
void world_run(struct world *w);

/** The host dies and goes on from its record, to its verdict. */
void world_resume(struct world *w);

uint32_t world_random(uint32_t *seed);

#endif
