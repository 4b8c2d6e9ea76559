/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/forwarded.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

static bool peer_of(struct MHD_Connection *connection,
                    struct proxy_address *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *name = info ? info->client_addr : NULL;

    if (name && name->sa_family == AF_INET6) {
        memcpy(peer->bytes, &((const struct sockaddr_in6 *)name)->sin6_addr,
               sizeof peer->bytes);
        return true;
    }
    if (!name || name->sa_family != AF_INET)
        return false;
    *peer = (struct proxy_address){.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(peer->bytes + 12, &((const struct sockaddr_in *)name)->sin_addr, 4);
    return true;
}

void forwarded_peer(struct MHD_Connection *connection,
                    char text[PROXY_TEXT_ROOM])
{
    struct proxy_address peer;

    text[0] = '\0';
    if (peer_of(connection, &peer))
        proxy_address_text(&peer, text);
}

static enum MHD_Result add_field(void *ctx, enum MHD_ValueKind kind,
                                 const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
    (void)kind;
    proxy_add(ctx, name, name_len, value, value_len);
    return MHD_YES;
}

/* As in a handshake of our own: without a certificate nothing is served. */
static unsigned take_certificate(struct tls *clients,
                                 const struct proxy_said *said,
                                 struct exchange *exchange, const char **why)
{
    uint8_t der[PROXY_CERTIFICATE_MAX];
    gnutls_datum_t *kept = &exchange->certificate;
    size_t len;

    *why = "a client certificate is needed";
    if (said->certificate_len == 0)
        return MHD_HTTP_FORBIDDEN;
    *why = "a client certificate that cannot be read";
    if (proxy_certificate_read(said->certificate, said->certificate_len, der,
                               sizeof der, &len) != 0)
        return MHD_HTTP_BAD_REQUEST;
    *why = "this client certificate is not valid here";
    if (tls_check_client(clients, &(gnutls_datum_t){der, (unsigned)len}) != 0)
        return MHD_HTTP_FORBIDDEN;
    kept->data = malloc(len);
    if (!kept->data)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    memcpy(kept->data, der, len);
    kept->size = (unsigned)len;
    return 0;
}

unsigned forwarded_take(const struct forwarded *forwarded,
                        struct exchange *exchange, const char **why)
{
    struct MHD_Connection *connection = exchange->request.connection;
    struct proxy_said said = {.proxies = forwarded->proxies};
    struct proxy_address peer;

    if (!forwarded->proxies || forwarded->proxies->n == 0 ||
        !peer_of(connection, &peer) || !proxies_hold(said.proxies, &peer))
        return 0;
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_field, &said);
    *why = proxy_refusal(&said);
    if (*why)
        return MHD_HTTP_BAD_REQUEST;
    exchange->request.is_secure = said.https;
    if (said.has_client)
        proxy_address_text(&said.client, exchange->client);
    return said.https && forwarded->clients &&
                   tls_asks_clients(forwarded->clients)
               ? take_certificate(forwarded->clients, &said, exchange, why)
               : 0;
}
