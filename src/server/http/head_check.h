/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The request heads that two HTTP implementations could read differently:
 * those are refused, so that nothing can be smuggled past a proxy.
 *
 * Layer: server. Pure: fed with every header field of a request.
 */
#ifndef DFOTA_SERVER_HTTP_HEAD_CHECK_H
#define DFOTA_SERVER_HTTP_HEAD_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Zero it, then add every field. */
struct head_check {
    unsigned hosts, lengths, codings;
    bool malformed; /* a name or value no field can have */
    bool body;      /* some field says that content follows */
};

/** value: NULL is taken as empty. Lengths in bytes. */
void head_check_add(struct head_check *check, const char *name, size_t name_len,
                    const char *value, size_t value_len);

/**
 * Judge the head.
 *
 * returns  NULL: fine; else why not, one static phrase for the answer (400,
 *          and the connection must be closed)
 * source   RFC 9112 3.2, 5.1, 6.1 and 6.3
 */
const char *head_check_refusal(const struct head_check *check, bool http_1_1);

#endif
