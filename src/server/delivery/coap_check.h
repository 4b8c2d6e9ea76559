/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a request for a package over CoAP may ask for.
 *
 * Layer: server. Pure.
 */
#ifndef DFOTA_SERVER_DELIVERY_COAP_CHECK_H
#define DFOTA_SERVER_DELIVERY_COAP_CHECK_H

#include "link/coap_msg.h"

enum { COAP_FORMAT_OCTETS = 42 }; /* application/octet-stream */

/**
 * returns  0, or the code that refuses it whatever its path is: 4.02, 4.05,
 *          4.06, 5.05
 */
uint8_t coap_check_request(const struct coap_msg *m);

/**
 * Do If-Match and If-None-Match let it through? An empty If-Match stands for
 * any content.
 *
 * etag     of the content, COAP_ETAG_MAX bytes
 * source   RFC 7252 5.10.8
 */
bool coap_check_conditions(const struct coap_msg *m, const uint8_t *etag);

#endif
