/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/coap_check.h"

#include <string.h>

enum { PROXYING_NOT_SUPPORTED = COAP_CODE(5, 5) };

uint8_t coap_check_request(const struct coap_msg *m)
{
    static const uint16_t known[] = {
        COAP_IF_MATCH, COAP_URI_HOST,  COAP_IF_NONE_MATCH, COAP_URI_PORT,
        COAP_URI_PATH, COAP_URI_QUERY, COAP_ACCEPT,        COAP_BLOCK2};
    struct coap_option o;
    uint32_t format;

    if (coap_msg_find(m, COAP_PROXY_URI, &o) ||
        coap_msg_find(m, COAP_PROXY_SCHEME, &o))
        return PROXYING_NOT_SUPPORTED;
    if (m->code != COAP_GET)
        return COAP_NOT_ALLOWED;
    if (coap_msg_critical(m, known, sizeof known / sizeof *known) != 0)
        return COAP_BAD_OPTION;
    if (coap_msg_find(m, COAP_ACCEPT, &o) &&
        (coap_msg_uint(m, COAP_ACCEPT, &format) != 0 ||
         format != COAP_FORMAT_OCTETS))
        return COAP_NOT_ACCEPTABLE;
    return 0;
}

bool coap_check_conditions(const struct coap_msg *m, const uint8_t *etag)
{
    bool asked = false, matches = false;
    struct coap_cursor c;
    struct coap_option o;

    coap_cursor_init(&c, m);
    while (coap_cursor_next(&c, &o)) {
        if (o.number == COAP_IF_NONE_MATCH)
            return false;
        if (o.number != COAP_IF_MATCH)
            continue;
        asked = true;
        matches |= o.len == 0 || (o.len == COAP_ETAG_MAX &&
                                  memcmp(o.value, etag, o.len) == 0);
    }
    return !asked || matches;
}
