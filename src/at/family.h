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

struct dfota_code {
    uint16_t number;
    uint8_t class;   /* enum dfota_class */
    uint8_t meaning; /* enum dfota_meaning */
};

/* The same number means different things in different tables. */
struct dfota_code_table {
    const struct dfota_code *codes;
    uint8_t count;
};

enum dfota_scheme {
    DFOTA_SCHEME_HTTP = 1,
    DFOTA_SCHEME_HTTPS = 2,
    DFOTA_SCHEME_COAP = 4,
    DFOTA_SCHEME_COAPS = 8
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
    /* the upload sends an `A` after each full 1024 bytes */
    DFOTA_FAMILY_ACK = 16
};

struct dfota_family {
    const char *name;
    const char *const *models; /* words of the model line, NULL ends */
    const char *network;       /* registration and signal, without "AT" */
    const char *apn_query;     /* NULL: the APN cannot be asked */
    const char *apn_set;       /* <apn_set><type>,"<apn>" */
    const char *before_url;    /* command before the URL form, or NULL */
    const char *before_upload; /* removes a stale package, or NULL */
    const char *upload;        /* <upload><size><upload_end> */
    const char *upload_end;
    const char *upload_reply; /* what stands before <size>,<sum> */
    const char *local;        /* starts the update from the stored package */
    struct dfota_code_table download; /* HTTPEND, COAPEND, DOWNLOADED */
    struct dfota_code_table update;   /* END */
    struct dfota_code_table command;  /* +CME ERROR */
    uint32_t upload_max;              /* bytes; 0: cannot upload */
    uint16_t url_max;                 /* bytes between the quotes */
    uint16_t busy;   /* CME number that may also mean "busy", 0: none */
    uint8_t schemes; /* of enum dfota_scheme */
    uint8_t flags;   /* of enum dfota_family_flag */
};

extern const struct dfota_family dfota_family_bg95;

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

/** The row of a number; never NULL: a number outside the table has the
 * class DFOTA_CLASS_UNKNOWN. */
const struct dfota_code *dfota_code_find(const struct dfota_code_table *table,
                                         int32_t number);

/**
 * Can this family's URL form be given this URL?
 *
 * errors   E_ARG a quote, blank, control or non-ASCII byte, or no host
 *          E_FULL longer than the family takes
 *          E_UNSUPPORTED a scheme the family does not have
 */
int dfota_family_check_url(const struct dfota_family *family, const char *url);

/** errors: E_ARG, as above; for text that goes between quotes. */
int dfota_family_check_text(const char *text);

#endif
