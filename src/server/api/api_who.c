/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: the socket's peer, a token, a session. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/fleet/sessions.h"

/* On the machine itself: its superuser, and the user of the server. */
static int authorise_local(struct api_call *call)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        call->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (!info ||
        getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) !=
            0 ||
        (peer.uid != 0 && peer.uid != geteuid()))
        return api_refuse(call, 403, "only root and the server's user may");
    call->actor = (struct actor){.role = ROLE_SITE, .tenant = 1};
    snprintf(call->actor.name, sizeof call->actor.name, "local:%u", peer.uid);
    return 0;
}

static int look_up(struct api_call *call, enum proof proof, const char *word)
{
    struct store *store = call->api->node->store;
    char hash[SECRETS_HEX_ROOM];
    struct sql *sql;
    int err = store_read_begin(store, &sql);

    if (err)
        return err;
    secrets_hash(word, strlen(word), hash);
    err = people_by_proof(sql, proof, hash, api_now(call), &call->actor);
    store_read_end(store, sql);
    return err == DFOTA_E_NOTFOUND
               ? api_refuse(call, 401,
                            proof == PROOF_TOKEN
                                ? "this API token is not valid"
                                : "the session is over: log in again")
               : err;
}

/* A page of another site can make a browser send the cookie, but not this
 * field. */
static int check_guard(struct api_call *call, const char *word)
{
    const char *given = http_header(call->request, "X-CSRF-Token");
    char right[SECRETS_WORD_ROOM];

    sessions_guard(call->api->node, word, right);
    return given && secrets_equal(given, right)
               ? 0
               : api_refuse(call, 403,
                            "a session writes with the field X-CSRF-Token, "
                            "whose value GET /api/v1/session tells");
}

static int authorise_remote(struct api_call *call)
{
    const char *header = http_header(call->request, "Authorization");
    char word[SECRETS_WORD_ROOM];
    int err;

    if (header && strncasecmp(header, "Bearer ", 7) == 0)
        return look_up(call, PROOF_TOKEN, header + 7);
    if (header || !sessions_cookie(http_header(call->request, "Cookie"), word))
        return api_refuse(call, 401,
                          "an API token is needed (Authorization: Bearer ..) "
                          "or a session (POST /api/v1/session)");
    err = look_up(call, PROOF_SESSION, word);
    if (!err && call->request->method > HTTP_HEAD)
        err = check_guard(call, word);
    return err;
}

static int choose_tenant(struct api_call *call, const char *tenant)
{
    struct store *store = call->api->node->store;
    struct sql *sql;
    int64_t n = 0;
    int err;

    if (!api_number(tenant, &call->actor.tenant))
        return api_refuse(call, 400, "tenant: a number is wanted");
    err = store_read_begin(store, &sql);
    if (err)
        return err;
    err = sql_one_int(sql, &n, "SELECT count(*) FROM tenant WHERE id = $1",
                      SQL_ARGS(SQL_INT(call->actor.tenant)));
    store_read_end(store, sql);
    return !err && n == 0
               ? api_refuse(call, 404, "tenant: there is no such one")
               : err;
}

/* Who keeps the site may act for any tenant. */
int api_authorise(struct api_call *call)
{
    const char *tenant = http_query(call->request, "tenant");
    int err = call->api->local ? authorise_local(call) : authorise_remote(call);

    return err || !tenant || call->actor.role < ROLE_SITE
               ? err
               : choose_tenant(call, tenant);
}
