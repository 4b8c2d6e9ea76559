/* SPDX-License-Identifier: Apache-2.0 */
#include "server/lwm2m/lwm2m_service.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

enum {
    REGISTRATIONS_MAX = 1000000,
    IDLE_MS = 24 * 3600 * 1000, /* of a DTLS session */
    /* Addresses that were heard and have no registration: 27 MB of them. */
    STRANGERS_MAX = 65536,
    POLL_MAX_MS = 60 * 1000,
};

uint64_t lwm2m_service_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void lwm2m_service_lock(struct lwm2m_service *s)
{
    pthread_mutex_lock(&s->lock);
    registrar_clock(&s->registrar, lwm2m_service_now());
}

/* Whatever was begun may be due before the thread would look. */
void lwm2m_service_unlock(struct lwm2m_service *s)
{
    uint64_t one = 1;

    pthread_mutex_unlock(&s->lock);
    if (write(s->wake_fd, &one, sizeof one) < 0)
        log_debug("LwM2M: %s", strerror(errno));
}

/* ---- remotes ------------------------------------------------------------- */

struct lwm2m_remote *lwm2m_remote_of(const struct coap_listener *l,
                                     struct coap_remote *r)
{
    struct lwm2m_remote *remote = coap_remote_user(r);

    if (remote)
        return remote;
    remote = calloc(1, sizeof *remote);
    if (!remote)
        return NULL;
    remote->way.peer = coap_remote_peer(r);
    remote->way.identity = coap_remote_identity(r);
    remote->way.owner = r;
    remote->listener = l;
    coap_remote_set_user(r, remote);
    return remote;
}

static void on_gone(void *ctx, struct coap_remote *r)
{
    struct coap_listener *l = ctx;
    struct lwm2m_remote *remote = coap_remote_user(r);
    struct lwm2m_service *s = l->user;

    if (!remote)
        return;
    registrar_way_gone(&s->registrar, lwm2m_service_now(), &remote->way);
    free(remote->boot);
    free(remote);
    coap_remote_set_user(r, NULL);
}

/* ---- bootstrap ----------------------------------------------------------- */

/* It is in its own callback: freed with the remote, or the next try. */
static void on_bootstrapped(void *ctx, struct bootstrap *b)
{
    (void)ctx;
    if (b->step == BOOTSTRAP_FAILED)
        log_warn("LwM2M: a bootstrap failed at step %d with %u.%02u",
                 (int)b->failed_at, COAP_CLASS(b->code), COAP_DETAIL(b->code));
}

static void fill_account(const struct lwm2m_service *s, const char *endpoint,
                         struct lwm2m_boot *boot)
{
    const struct psk *psk = lwm2m_keys_find(s->keys, endpoint);
    bool secure = strncmp(s->c.bootstrap, "coaps:", 6) == 0;
    struct bootstrap_account *a = &boot->account;

    *a = (struct bootstrap_account){.uri = s->c.bootstrap,
                                    .mode = 3,
                                    .short_id = 1,
                                    .lifetime_s = REGISTRAR_LIFETIME_S,
                                    .binding = "U"};
    if (!psk || !secure)
        return;
    boot->psk = *psk;
    a->mode = 0;
    a->identity = (const uint8_t *)boot->psk.identity;
    a->identity_len = strlen(boot->psk.identity);
    a->secret = boot->psk.key;
    a->secret_len = boot->psk.key_len;
}

/* returns the code of the answer */
static uint8_t may_bootstrap(const struct lwm2m_service *s,
                             const struct lwm2m_remote *remote,
                             const char *endpoint)
{
    bool secure = s->c.bootstrap && strncmp(s->c.bootstrap, "coaps:", 6) == 0;

    if (!s->c.bootstrap)
        return COAP_NOT_FOUND;
    if (remote->way.identity && strcmp(remote->way.identity, endpoint) != 0)
        return COAP_FORBIDDEN;
    /* A key leaves only over DTLS; over NoSec anyone could fetch it. */
    if (secure &&
        (!remote->way.identity || !lwm2m_keys_find(s->keys, endpoint)))
        return COAP_FORBIDDEN;
    return COAP_CHANGED;
}

static void bootstrap_request(struct lwm2m_service *s,
                              struct lwm2m_remote *remote, uint64_t now,
                              const struct coap_ticket *ticket, uint8_t code,
                              const char *endpoint)
{
    if (!code)
        code = may_bootstrap(s, remote, endpoint);
    if (code == COAP_CHANGED) {
        if (remote->boot)
            bootstrap_stop(&remote->boot->b, now);
        else
            remote->boot = calloc(1, sizeof *remote->boot);
        if (!remote->boot)
            code = COAP_UNAVAILABLE;
    }
    coap_peer_answer(remote->way.peer, now, ticket,
                     &(struct coap_answer){.code = code});
    if (code != COAP_CHANGED)
        return;
    fill_account(s, endpoint, remote->boot);
    bootstrap_start(&remote->boot->b, remote->way.peer, now,
                    &remote->boot->account, on_bootstrapped, remote);
}

/* ---- requests ------------------------------------------------------------ */

static void on_request(void *ctx, struct coap_remote *r,
                       const struct coap_ticket *ticket,
                       const struct coap_msg *m)
{
    struct coap_listener *l = ctx;
    struct lwm2m_service *s = l->user;
    struct lwm2m_remote *remote = lwm2m_remote_of(l, r);
    char endpoint[REGISTRAR_ENDPOINT_MAX + 1];
    uint64_t now = s->registrar.now;
    uint8_t code;

    if (!remote)
        return;
    if (registrar_request(&s->registrar, now, &remote->way, ticket, m))
        coap_remote_hold(r, remote->way.first != NULL);
    else if (bootstrap_is_request(m, endpoint, sizeof endpoint, &code))
        bootstrap_request(s, remote, now, ticket, code, endpoint);
    else
        coap_peer_answer(remote->way.peer, now, ticket,
                         &(struct coap_answer){.code = COAP_NOT_FOUND});
}

static void on_send(void *ctx, const void *addr, size_t addr_len,
                    const uint8_t *data, size_t len)
{
    coap_listener_send(ctx, addr, addr_len, data, len);
}

/* Its client is registered, and will say nothing for long. */
static void on_resumed(void *ctx, struct coap_remote *r)
{
    struct coap_listener *l = ctx;
    struct lwm2m_service *s = l->user;
    struct lwm2m_remote *remote = lwm2m_remote_of(l, r);

    if (!remote || !remote->way.identity)
        return;
    registrar_way_resumed(&s->registrar, s->registrar.now, &remote->way);
    coap_remote_hold(r, remote->way.first != NULL);
}

static const struct coap_endpoint_ops endpoint_ops = {.send = on_send,
                                                      .request = on_request,
                                                      .gone = on_gone,
                                                      .resumed = on_resumed};

/* ---- registrar ----------------------------------------------------------- */

static uint64_t on_random(void *ctx)
{
    uint64_t v = 0;

    (void)ctx;
    gnutls_rnd(GNUTLS_RND_NONCE, &v, sizeof v);
    return v;
}

static void on_event(void *ctx, struct registration *r,
                     enum registrar_event event)
{
    struct lwm2m_service *s = ctx;

    if (s->plans)
        lwm2m_plans_event(s->plans, r, event);
    if (event == REGISTRAR_REGISTERED)
        log_debug("LwM2M: %s registered", r->endpoint);
    else if (event == REGISTRAR_GONE)
        log_debug("LwM2M: %s is gone", r->endpoint);
    else if (event == REGISTRAR_FIRMWARE && r->firmware.known)
        log_debug("LwM2M: %s: firmware state %u, result %u", r->endpoint,
                  r->firmware.state, r->firmware.result);
}

/* The address may be forgotten when room is needed. */
static void on_idle(void *ctx, struct lwm2m_way *way)
{
    (void)ctx;
    coap_remote_hold(way->owner, false);
}

static const struct registrar_ops registrar_ops = {
    .random = on_random, .event = on_event, .idle = on_idle};

/* ---- the thread ---------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_wake(const struct lwm2m_service *s)
{
    uint64_t at = registrar_wake(&s->registrar);

    at = earlier(at, lwm2m_runs_wake(s));
    for (unsigned i = 0; i < s->n_listeners; i++)
        at = earlier(at, coap_endpoint_wake(s->listener[i].endpoint));
    return at;
}

static void handle(struct lwm2m_service *s, const struct pollfd *fds)
{
    uint64_t now = lwm2m_service_now(), count;

    registrar_clock(&s->registrar, now);
    if (fds[0].revents && read(s->wake_fd, &count, sizeof count) < 0)
        log_debug("LwM2M: %s", strerror(errno));
    for (unsigned i = 0; i < s->n_listeners; i++) {
        if (fds[1 + i].revents)
            coap_listener_read(&s->listener[i], now);
        coap_endpoint_tick(s->listener[i].endpoint, now);
    }
    registrar_tick(&s->registrar, now);
    lwm2m_runs_tick(s, now);
}

static void *run(void *ctx)
{
    struct lwm2m_service *s = ctx;
    struct pollfd fds[1 + LWM2M_SERVICE_URIS];
    uint64_t wake, now;
    bool stopping = false;

    fds[0] = (struct pollfd){.fd = s->wake_fd, .events = POLLIN};
    for (unsigned i = 0; i < s->n_listeners; i++)
        fds[1 + i] = (struct pollfd){.fd = s->listener[i].fd, .events = POLLIN};
    while (!stopping) {
        int ms = POLL_MAX_MS;

        pthread_mutex_lock(&s->lock);
        wake = next_wake(s);
        stopping = s->stopping;
        pthread_mutex_unlock(&s->lock);
        now = lwm2m_service_now();
        if (wake <= now)
            ms = 0;
        else if (wake - now < POLL_MAX_MS)
            ms = (int)(wake - now);
        if (stopping || poll(fds, 1 + s->n_listeners, ms) < 0)
            continue;
        pthread_mutex_lock(&s->lock);
        handle(s, fds);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

/* ---- life ---------------------------------------------------------------- */

static int find_key(void *ctx, const char *identity, uint8_t *key,
                    size_t *key_len)
{
    const struct lwm2m_service *s = ctx;
    const struct psk *psk = lwm2m_keys_find(s->keys, identity);

    if (!psk)
        return DFOTA_E_NOTFOUND;
    memcpy(key, psk->key, psk->key_len);
    *key_len = psk->key_len;
    return 0;
}

static int make_credentials(struct lwm2m_service *s)
{
    const struct dtls_config config = {.server = true,
                                       .find_key = s->c.keys ? find_key : NULL,
                                       .find_key_ctx = s,
                                       .ca = s->c.ca,
                                       .cert = s->c.cert,
                                       .key_file = s->c.key};
    const char *why = NULL;
    int err = dtls_credentials_create(&s->credentials, &config, &why);

    if (err)
        log_error("LwM2M over DTLS: %s; --lwm2m-keys FILE names the keys",
                  why ? why : dfota_strerror(err));
    return err;
}

static int open_listener(struct lwm2m_service *s, const char *uri)
{
    struct coap_listener *l = &s->listener[s->n_listeners];
    int err = coap_listener_open(l, uri);

    if (err)
        return err;
    s->n_listeners++;
    l->user = s;
    if (l->secure && !s->credentials)
        err = make_credentials(s);
    if (err)
        return err;
    l->endpoint = coap_endpoint_create(
        &(struct coap_endpoint_config){.params = &coap_params_rfc,
                                       .dtls =
                                           l->secure ? s->credentials : NULL,
                                       .max = s->c.max + s->c.max / 4 + 16,
                                       .loose_max = STRANGERS_MAX,
                                       .idle_ms = IDLE_MS,
                                       .seed = on_random(NULL)},
        &endpoint_ops, l);
    return l->endpoint ? 0 : DFOTA_E_NOMEM;
}

static int open_all(struct lwm2m_service *s)
{
    struct registrar_config registrar = {.max = s->c.max};
    int err = s->c.keys ? lwm2m_keys_read(s->c.keys, &s->keys) : 0;

    if (!err)
        err = registrar_init(&s->registrar, &registrar_ops, s, &registrar);
    for (unsigned i = 0; !err && i < s->c.n_uris; i++)
        err = open_listener(s, s->c.uris[i]);
    if (!err && s->c.node) {
        registrar_clock(&s->registrar, lwm2m_service_now());
        s->plans = lwm2m_plans_create(s, s->c.node);
        err = s->plans ? lwm2m_rows_restore(s->plans) : DFOTA_E_NOMEM;
    }
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!err && s->wake_fd < 0)
        err = DFOTA_E_NOMEM;
    if (!err && pthread_create(&s->thread, NULL, run, s) != 0)
        err = DFOTA_E_NOMEM;
    s->has_thread = err == 0;
    return err;
}

int lwm2m_service_start(const struct lwm2m_service_config *config,
                        struct lwm2m_service **out)
{
    struct lwm2m_service *s = calloc(1, sizeof *s);
    int err;

    if (!s)
        return DFOTA_E_NOMEM;
    s->c = *config;
    s->wake_fd = -1;
    if (s->c.max == 0)
        s->c.max = REGISTRATIONS_MAX;
    pthread_mutex_init(&s->lock, NULL);
    err = open_all(s);
    if (err)
        lwm2m_service_stop(s);
    else
        *out = s;
    return err;
}

void lwm2m_service_stop(struct lwm2m_service *s)
{
    if (!s)
        return;
    if (s->plans)
        lwm2m_plans_halt(s->plans);
    if (s->has_thread) {
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        lwm2m_service_unlock(s);
        pthread_join(s->thread, NULL);
    }
    lwm2m_runs_free(s);
    for (unsigned i = 0; i < s->n_listeners; i++) {
        /* Each remote goes, and its registrations with it. */
        coap_endpoint_destroy(s->listener[i].endpoint);
        coap_listener_close(&s->listener[i]);
    }
    registrar_release(&s->registrar);
    for (int i = 0; i < LWM2M_REQUESTS_MAX; i++)
        json_decref(s->requests[i].values);
    lwm2m_plans_free(s->plans);
    dtls_credentials_free(s->credentials);
    lwm2m_keys_free(s->keys);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int lwm2m_service_reload(struct lwm2m_service *s)
{
    struct lwm2m_keys *keys, *old;
    int err = s->c.keys ? lwm2m_keys_read(s->c.keys, &keys) : 0;

    if (err || !s->c.keys)
        return err;
    pthread_mutex_lock(&s->lock);
    old = s->keys;
    s->keys = keys;
    pthread_mutex_unlock(&s->lock);
    lwm2m_keys_free(old);
    return 0;
}

const char *lwm2m_service_name(const struct lwm2m_service *s, unsigned i)
{
    return i < s->n_listeners ? s->listener[i].name : NULL;
}
