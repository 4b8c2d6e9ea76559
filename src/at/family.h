/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What differs between the module families, as data.
 *
 * Layer: at (freestanding). A family is one constant in families/<name>.c;
 * no other file knows a family's name. A micro-controller links the families
 * it needs and hands the session an array of them.
 */
#ifndef DFOTA_AT_FAMILY_H
#define DFOTA_AT_FAMILY_H

#include "at/phrases.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dfota_code {
    uint16_t number;
    uint8_t kind;    /* enum dfota_class */
    uint8_t meaning; /* enum dfota_meaning */
};

/* The same number means different things in different tables. */
struct dfota_code_table {
    const struct dfota_code *codes;
    uint8_t count;
};

enum dfota_family_flag {
    /* APP RDY follows RDY in a normal boot, and only there */
    DFOTA_FAMILY_APP_RDY = 1,
    /* prints at 115200 in DFOTA mode, whatever rate it had */
    DFOTA_FAMILY_115200 = 2,
    /* a failed END is not followed by a reboot */
    DFOTA_FAMILY_STAYS = 4,
    /* prints no DOWNLOADING */
    DFOTA_FAMILY_NO_PERCENT = 8,
    /* the upload is acknowledged by an `A` after each full 1024 bytes, if
     * DFOTA_ARG_ACK asks for it */
    DFOTA_FAMILY_ACK = 16
};

/* What \1 to \4 stand for in a family's commands: chat.h. */
enum dfota_arg {
    DFOTA_ARG_NUMBER, /* bytes of the package; IP type of the APN */
    DFOTA_ARG_URL,
    DFOTA_ARG_APN,
    DFOTA_ARG_ACK /* 1: acknowledge the upload, 0: do not */
};

struct dfota_session;

/* One command of a family, and what is done with its answer: a firmware links
 * the kinds of step that its families have. */
struct dfota_step {
    void (*run)(struct dfota_session *session, uint8_t why);
    const char *command; /* without "AT" */
};

struct dfota_family {
    const char *name;
    const char *const *models;          /* words of the model line, NULL ends */
    const struct dfota_step *url_steps; /* NULL: has no URL form */
    const struct dfota_step *file_steps; /* NULL: takes no package */
    struct dfota_code_table download;    /* HTTPEND, COAPEND, DOWNLOADED */
    struct dfota_code_table update;      /* END */
    struct dfota_code_table command;     /* +CME ERROR to the trigger */
    /* +CME ERROR to the upload, besides command; NULL: none */
    const struct dfota_code_table *upload;
    /* of URLs, each with its "://" and a NUL; NULL: takes none */
    const char *schemes;
    uint32_t upload_max; /* bytes */
    uint16_t url_max;    /* bytes between the quotes */
    uint8_t flags;       /* of enum dfota_family_flag */
};

extern const struct dfota_family dfota_family_bc26;
extern const struct dfota_family dfota_family_mc65; /* M65 and M08-R, too */
extern const struct dfota_family dfota_family_bg95; /* BG77, too */
extern const struct dfota_family dfota_family_bg96;
extern const struct dfota_family dfota_family_bg96_softbank;
extern const struct dfota_family dfota_family_eg25; /* EC2x, too */

/* +CME ERROR to an upload, in the families that have file commands. */
extern const struct dfota_code_table dfota_file_codes;

/* Every family of this library, and how many: for hosts with room. */
extern const struct dfota_family *const dfota_families[];
extern const size_t dfota_families_count;

/** The family with this name; NULL when there is none. */
const struct dfota_family *
dfota_family_named(const struct dfota_family *const *families, size_t count,
                   const char *name);

/** The family of a line of ATI's answer; NULL when it names none. */
const struct dfota_family *
dfota_family_of_model(const struct dfota_family *const *families, size_t count,
                      const char *line);

/** The row of a number; never NULL: a number outside the table, or of no
 * table (NULL), has the class DFOTA_CLASS_UNKNOWN. */
const struct dfota_code *dfota_code_find(const struct dfota_code_table *table,
                                         int32_t number);

/**
 * Can this family's URL form be given this URL?
 *
 * returns  DFOTA_MEANING_NONE: yes | why not: URL_CHARACTERS (a quote, blank,
 *          control or non-ASCII byte), SCHEME, NO_HOST, URL_LENGTH,
 *          FILE_ONLY
 */
enum dfota_meaning dfota_family_check_url(const struct dfota_family *family,
                                          const char *url);

/** errors: E_ARG a quote, blank, control or non-ASCII byte: what cannot go
 * between quotes. */
int dfota_family_check_text(const char *text);

#ifdef __cplusplus
}
#endif

#endif
