/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/coap_packages.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "link/coap_block.h"
#include "os/log.h"
#include "server/coap_listener.h"
#include "server/delivery/coap_check.h"
#include "server/delivery/coap_shelf.h"
#include "server/delivery/coap_waiting.h"
#include "server/http/url_path.h"
#include "server/lwm2m/lwm2m_keys.h"

enum {
    LISTENERS = 2,
    /* Addresses remembered. Over UDP one that has to make room loses nothing
     * but the knowledge of its last requests. */
    PLAIN_MAX = 16384,
    SESSIONS_MAX = 8192,
    IDLE_MS = 10 * 60 * 1000, /* of a DTLS session */
    POLL_MAX_MS = COAP_SHELF_KEEP_MS,
    OPTIONS_ROOM = 64,
    BUSY_S = 2,
};

struct coap_packages {
    struct coap_packages_config c;
    pthread_mutex_t lock; /* credentials, keys, the endpoints' insides */
    pthread_t thread;
    bool has_thread, stopping;
    int wake_fd;
    struct coap_listener listener[LISTENERS];
    unsigned n_listeners;
    struct dtls_credentials *credentials;
    struct lwm2m_keys *keys;
    struct coap_shelf shelf;
    struct coap_waiting *waiting;
    uint64_t now;
};

/* Room of one answer. */
struct reply {
    uint8_t options[OPTIONS_ROOM], recipe[COAP_RECIPE_MAX];
    uint8_t block[COAP_PAYLOAD_MAX];
    struct coap_answer answer;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what a request wants ------------------------------------------------ */

static uint8_t code_of(int err)
{
    switch (err) {
    case DFOTA_E_SYNTAX:
        return COAP_BAD_REQUEST;
    case DFOTA_E_NOTFOUND:
    case DFOTA_E_FULL: /* longer than any path that is served */
        return COAP_NOT_FOUND;
    case DFOTA_E_SIGNATURE:
    case DFOTA_E_TIMEOUT:
        return COAP_FORBIDDEN;
    case DFOTA_E_UNSUPPORTED:
        return COAP_NOT_IMPLEMENTED;
    default:
        return COAP_UNAVAILABLE;
    }
}

/* inner: out: the path in the folder, "" when it is no right one */
static int find_file(struct coap_packages *p, const char *text,
                     char inner[COAP_PATH_MAX],
                     const struct coap_shelf_file **file)
{
    char path[COAP_PATH_MAX];
    int err = url_path_decode(text, path, sizeof path);

    *inner = '\0';
    if (!err && p->c.resolve)
        err = p->c.resolve(p->c.ctx, path, inner, COAP_PATH_MAX);
    return err ? err
               : coap_shelf_open(&p->shelf, p->now, p->c.resolve ? inner : path,
                                 file);
}

/* ---- answers ------------------------------------------------------------- */

static int read_file(void *ctx, uint32_t off, void *room, size_t len)
{
    const int *fd = ctx;
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(*fd, (uint8_t *)room + done, len - done,
                            (off_t)off + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) /* it became shorter, or the disk is at fault */
            return DFOTA_E_IO;
        done += (size_t)got;
    }
    return 0;
}

static void refuse(struct reply *r, uint8_t code)
{
    struct coap_options o;

    coap_options_init(&o, r->options, sizeof r->options);
    if (code == COAP_UNAVAILABLE)
        coap_options_add_uint(&o, COAP_MAX_AGE, BUSY_S);
    r->answer = (struct coap_answer){
        .code = code, .options = r->options, .options_len = o.len};
}

static void serve(const struct coap_shelf_file *file, const struct coap_msg *m,
                  struct reply *r)
{
    int fd = file->fd;
    const struct coap_served served = {.data = file->blob->data,
                                       .len = (uint32_t)file->blob->size,
                                       .read = read_file,
                                       .ctx = &fd,
                                       .room = r->block,
                                       .etag = file->blob->sha256,
                                       .etag_len = COAP_ETAG_MAX,
                                       .szx = COAP_SZX_MAX,
                                       .format = COAP_FORMAT_OCTETS,
                                       .has_format = true};
    struct coap_options o;

    coap_options_init(&o, r->options, sizeof r->options);
    coap_serve(m, &served, &o, &r->answer);
    if (r->answer.code == COAP_UNAVAILABLE)
        refuse(r, COAP_UNAVAILABLE);
}

/* The file's number, and those options of the request that its answer
 * depends on: a duplicate is answered with the same block of the same
 * content, also when another one has its name by then. */
static void add_recipe(const struct coap_shelf_file *file,
                       const struct coap_msg *m, struct reply *r)
{
    static const uint16_t needed[] = {COAP_BLOCK2, COAP_SIZE2};
    const size_t head = sizeof file->id;
    struct coap_options o;
    struct coap_option found;

    memcpy(r->recipe, &file->id, head);
    coap_options_init(&o, r->recipe + head, sizeof r->recipe - head);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (coap_msg_find(m, needed[i], &found))
            coap_options_add(&o, found.number, found.value, found.len);
    }
    if (o.err)
        return; /* Size2 of many bytes: kept whole */
    r->answer.recipe = r->recipe;
    r->answer.recipe_len = head + o.len;
}

/* inner: out: what may be brought before it is answered; "": nothing */
static void make_answer(struct coap_packages *p, const struct coap_msg *m,
                        char inner[COAP_PATH_MAX], struct reply *r)
{
    const struct coap_shelf_file *file = NULL;
    uint8_t code = coap_check_request(m);
    char path[COAP_PATH_MAX];
    int err = 0;

    *inner = '\0';
    (void)coap_msg_path(m, path, sizeof path); /* "" when it is too long */
    if (!code) {
        err = find_file(p, path, inner, &file);
        code = err ? code_of(err) : 0;
    }
    if (err != DFOTA_E_NOTFOUND && err != DFOTA_E_CORRUPT)
        *inner = '\0';
    if (!code && !coap_check_conditions(m, file->blob->sha256))
        code = COAP_PRECONDITION;
    if (code) {
        refuse(r, code);
        return;
    }
    serve(file, m, r);
    if (r->answer.code == COAP_CONTENT)
        add_recipe(file, m, r);
}

static void on_request(void *ctx, struct coap_remote *remote,
                       const struct coap_ticket *ticket,
                       const struct coap_msg *m)
{
    struct coap_listener *l = ctx;
    struct coap_packages *p = l->user;
    char path[COAP_PATH_MAX];
    struct reply r;

    make_answer(p, m, path, &r);
    if (*path && coap_waiting_add(p->waiting, l, remote, ticket, m, path))
        return;
    (void)coap_msg_path(m, path, sizeof path);
    log_debug("coap%s %u.%02u %s %u.%02u", l->secure ? "s" : "",
              COAP_CLASS(m->code), COAP_DETAIL(m->code), path,
              COAP_CLASS(r.answer.code), COAP_DETAIL(r.answer.code));
    /* A message that needs no answer and cannot be understood is left alone
     * (RFC 7252 5.4.1). */
    if (r.answer.code == COAP_BAD_OPTION && !ticket->con)
        return;
    (void)coap_peer_answer(coap_remote_peer(remote), p->now, ticket, &r.answer);
}

/* What was waited for is here, or will not come. Who asked may be gone. */
static void answer_waiting(struct coap_packages *p)
{
    struct coap_waiting_request *w;
    char path[COAP_PATH_MAX];
    struct reply r;

    while ((w = coap_waiting_take(p->waiting))) {
        struct coap_remote *remote = coap_endpoint_find(
            w->listener->endpoint, w->address, w->address_len);

        if (!w->err)
            make_answer(p, &w->msg, path, &r);
        if (w->err || *path) /* it may have gone again */
            refuse(&r, code_of(w->err));
        if (remote)
            (void)coap_peer_answer(coap_remote_peer(remote), p->now, &w->ticket,
                                   &r.answer);
        free(w);
    }
}

static void on_rebuild(void *ctx, struct coap_remote *remote,
                       const uint8_t *recipe, size_t recipe_len,
                       void (*answer)(void *answer_ctx,
                                      const struct coap_answer *a),
                       void *answer_ctx)
{
    const struct coap_listener *l = ctx;
    struct coap_packages *p = l->user;
    const struct coap_shelf_file *file;
    struct coap_msg m = {.type = COAP_CON, .code = COAP_GET};
    struct reply r;
    uint32_t id;

    (void)remote;
    memcpy(&id, recipe, sizeof id);
    if (recipe_len > sizeof id) {
        m.options = recipe + sizeof id;
        m.options_len = recipe_len - sizeof id;
    }
    file = coap_shelf_find(&p->shelf, id);
    if (file)
        serve(file, &m, &r);
    else
        refuse(&r, COAP_UNAVAILABLE);
    answer(answer_ctx, &r.answer);
}

static void on_send(void *ctx, const void *addr, size_t addr_len,
                    const uint8_t *data, size_t len)
{
    coap_listener_send(ctx, addr, addr_len, data, len);
}

static const struct coap_endpoint_ops endpoint_ops = {
    .send = on_send, .request = on_request, .rebuild = on_rebuild};

/* ---- the thread ---------------------------------------------------------- */

static int wait_ms(const struct coap_packages *p)
{
    uint64_t now = now_ms(), wake = now + POLL_MAX_MS;

    for (unsigned i = 0; i < p->n_listeners; i++) {
        uint64_t at = coap_endpoint_wake(p->listener[i].endpoint);

        wake = at < wake ? at : wake;
    }
    return wake > now ? (int)(wake - now) : 0;
}

static void handle(struct coap_packages *p, const struct pollfd *fds)
{
    uint64_t woken;

    p->now = now_ms();
    if (fds[0].revents && read(p->wake_fd, &woken, sizeof woken) > 0)
        answer_waiting(p);
    for (unsigned i = 0; i < p->n_listeners; i++) {
        if (fds[1 + i].revents)
            coap_listener_read(&p->listener[i], p->now);
        coap_endpoint_tick(p->listener[i].endpoint, p->now);
    }
    coap_shelf_expire(&p->shelf, p->now);
}

static void *run(void *ctx)
{
    struct coap_packages *p = ctx;
    struct pollfd fds[1 + LISTENERS];
    bool ready;

    fds[0] = (struct pollfd){.fd = p->wake_fd, .events = POLLIN};
    for (unsigned i = 0; i < p->n_listeners; i++)
        fds[1 + i] = (struct pollfd){.fd = p->listener[i].fd, .events = POLLIN};
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        int ms = wait_ms(p);

        pthread_mutex_unlock(&p->lock);
        ready = poll(fds, 1 + p->n_listeners, ms) >= 0;
        pthread_mutex_lock(&p->lock);
        if (ready)
            handle(p, fds);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- credentials --------------------------------------------------------- */

static int find_key(void *ctx, const char *identity, uint8_t *key,
                    size_t *key_len)
{
    const struct coap_packages *p = ctx;
    const struct psk *psk = lwm2m_keys_find(p->keys, identity);

    if (!psk)
        return DFOTA_E_NOTFOUND;
    memcpy(key, psk->key, psk->key_len);
    *key_len = psk->key_len;
    return 0;
}

static int read_credentials(struct coap_packages *p, struct lwm2m_keys **keys,
                            struct dtls_credentials **credentials)
{
    const struct dtls_config config = {.server = true,
                                       .find_key = p->c.keys ? find_key : NULL,
                                       .find_key_ctx = p,
                                       .ca = p->c.ca,
                                       .cert = p->c.cert,
                                       .key_file = p->c.key};
    const char *why = NULL;
    int err;

    *keys = NULL;
    err = p->c.keys ? lwm2m_keys_read(p->c.keys, keys) : 0;
    if (err)
        return err;
    err = dtls_credentials_create(credentials, &config, &why);
    if (!err)
        return 0;
    log_error("packages over coaps: %s", why ? why : dfota_strerror(err));
    lwm2m_keys_free(*keys);
    return err;
}

bool coap_packages_has_credentials(const struct coap_packages *p)
{
    return p->credentials != NULL;
}

int coap_packages_reload(struct coap_packages *p)
{
    struct dtls_credentials *credentials;
    struct lwm2m_keys *keys, *old;
    int err;

    err = read_credentials(p, &keys, &credentials);
    if (err)
        return err;
    pthread_mutex_lock(&p->lock);
    old = p->keys;
    p->keys = keys;
    for (unsigned i = 0; i < p->n_listeners; i++) {
        if (p->listener[i].secure)
            coap_endpoint_set_dtls(p->listener[i].endpoint, credentials);
    }
    dtls_credentials_free(p->credentials);
    p->credentials = credentials;
    pthread_mutex_unlock(&p->lock);
    lwm2m_keys_free(old);
    return 0;
}

/* ---- life ---------------------------------------------------------------- */

static int open_listener(struct coap_packages *p, const char *scheme,
                         const char *address)
{
    struct coap_listener *l = &p->listener[p->n_listeners];
    struct coap_endpoint_config config = {
        .params = &coap_params_rfc, .max = PLAIN_MAX, .idle_ms = IDLE_MS};
    char uri[320];
    int err;

    if (!address)
        return 0;
    snprintf(uri, sizeof uri, "%s://%s", scheme, address);
    err = coap_listener_open(l, uri);
    if (err)
        return err;
    p->n_listeners++;
    l->user = p;
    if (l->secure) {
        err = read_credentials(p, &p->keys, &p->credentials);
        config.dtls = p->credentials;
        config.max = SESSIONS_MAX;
    }
    if (err || gnutls_rnd(GNUTLS_RND_NONCE, &config.seed, sizeof config.seed))
        return err ? err : DFOTA_E_NOMEM;
    l->endpoint = coap_endpoint_create(&config, &endpoint_ops, l);
    return l->endpoint ? 0 : DFOTA_E_NOMEM;
}

int coap_packages_start(const struct coap_packages_config *config,
                        struct coap_packages **out)
{
    struct coap_packages *p = calloc(1, sizeof *p);
    int err;

    if (!p)
        return DFOTA_E_NOMEM;
    p->c = *config;
    pthread_mutex_init(&p->lock, NULL);
    coap_shelf_init(&p->shelf, &config->deliver);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->waiting = coap_waiting_create(config->deliver.vault, p->wake_fd);
    err = p->waiting ? open_listener(p, "coap", config->coap) : DFOTA_E_NOMEM;
    if (!err)
        err = open_listener(p, "coaps", config->coaps);
    if (!err &&
        (p->wake_fd < 0 || pthread_create(&p->thread, NULL, run, p) != 0))
        err = DFOTA_E_NOMEM;
    p->has_thread = err == 0;
    if (err)
        coap_packages_stop(p);
    else
        *out = p;
    return err;
}

static void stop_thread(struct coap_packages *p)
{
    uint64_t one = 1;

    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    if (write(p->wake_fd, &one, sizeof one) < 0)
        log_debug("coap: %s", strerror(errno));
    pthread_join(p->thread, NULL);
}

void coap_packages_stop(struct coap_packages *p)
{
    if (!p)
        return;
    if (p->has_thread)
        stop_thread(p);
    for (unsigned i = 0; i < p->n_listeners; i++) {
        coap_endpoint_destroy(p->listener[i].endpoint);
        coap_listener_close(&p->listener[i]);
    }
    coap_waiting_destroy(p->waiting);
    coap_shelf_release(&p->shelf);
    dtls_credentials_free(p->credentials);
    lwm2m_keys_free(p->keys);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

const char *coap_packages_name(const struct coap_packages *p, unsigned i)
{
    return i < p->n_listeners ? p->listener[i].name : NULL;
}
