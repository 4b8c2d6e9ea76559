/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The request target of HTTP, raw as it came, turned into a relative path
 * that is safe to open.
 *
 * Layer: server. Pure. libmicrohttpd decodes the target in place and its
 * string then ends at a %00, so the raw one is read here.
 */
#ifndef DFOTA_SERVER_HTTP_URL_PATH_H
#define DFOTA_SERVER_HTTP_URL_PATH_H

#include <stddef.h>

/**
 * Decode the path of a request target.
 *
 * target   origin form ("/a/b?query") or absolute form ("http://h/a/b");
 *          the query is ignored
 * path     out: "a/b": no slash at either end, no segment that is empty or
 *          begins with a dot, no control character
 * errors   E_SYNTAX  the target is malformed or has a control character
 *          E_NOTFOUND  well formed, but no such path is ever served
 *          E_FULL  longer than room
 * source   RFC 3986 2.1 and 3.3, RFC 9112 3.2
 */
int url_path_decode(const char *target, char *path, size_t room);

#endif
