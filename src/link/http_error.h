/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What an error of libcurl means for a link.
 *
 * Layer: link, private to http.c.
 */
#ifndef DFOTA_LINK_HTTP_ERROR_H
#define DFOTA_LINK_HTTP_ERROR_H

#include <curl/curl.h>
#include <stdbool.h>

#include "link/link.h"

/**
 * connected  the connection, TLS included, stood
 * alerted    a fatal alert came before the response
 */
enum link_error http_error(CURLcode code, bool connected, bool alerted);

#endif
