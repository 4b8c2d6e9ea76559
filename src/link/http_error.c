/* SPDX-License-Identifier: Apache-2.0 */
#include "link/http_error.h"

enum link_error http_error(CURLcode code, bool connected, bool alerted)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return LINK_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return connected ? LINK_SILENT : LINK_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return LINK_TLS;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
        return LINK_ALIEN;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return alerted ? LINK_TLS : LINK_LOST;
    case CURLE_PARTIAL_FILE:
        return LINK_LOST;
    default:
        return LINK_FAILED;
    }
}
