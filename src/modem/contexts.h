/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The data contexts that AT+CGDCONT and AT+QICSGP define; kept over
 * power-off with the settings.
 *
 * Layer: modem.
 * source   3GPP TS 27.007 10.1.1
 */
#ifndef DFOTA_MODEM_CONTEXTS_H
#define DFOTA_MODEM_CONTEXTS_H

#include <stdbool.h>
#include <stdint.h>

enum { CONTEXTS = 15, CONTEXT_TEXT_MAX = 101 };

struct json_t;

struct pdp_context {
    bool defined;
    uint8_t type; /* index of contexts_type(); 1 IPv4, 2 IPv6, 3 both */
    uint8_t auth; /* 0 none, 1 PAP, 2 CHAP, 3 either */
    char apn[CONTEXT_TEXT_MAX], user[CONTEXT_TEXT_MAX],
        password[CONTEXT_TEXT_MAX];
};

/** A new module: the first one defined, for both families, without APN. */
void contexts_init(struct pdp_context contexts[CONTEXTS]);

/** "IP", "IPV6", "IPV4V6" of types 1 to 3. */
const char *contexts_type(uint8_t type);

/** The type of that name, 0: none. */
uint8_t contexts_find_type(const char *name);

/** To and from a JSON array of the defined ones. take: false when it is
 * none (contexts are then as they were). give: NULL no memory */
bool contexts_take(struct pdp_context contexts[CONTEXTS],
                   const struct json_t *array);
struct json_t *contexts_give(const struct pdp_context contexts[CONTEXTS]);

#endif
