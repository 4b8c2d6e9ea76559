/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/download.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "modem/modem.h"
#include "os/log.h"

enum { EXCHANGE_MS = 93000 }; /* MAX_TRANSMIT_WAIT, RFC 7252 4.8.2 */

static int on_event(void *ctx, const struct link_event *e);

static void free_paths(struct download *d)
{
    free(d->ca);
    free(d->cert);
    free(d->key);
    free(d->psk);
    d->ca = d->cert = d->key = d->psk = NULL;
}

static void cease(struct download *d)
{
    link_close(d->link);
    uv_timer_stop(&d->timer);
    free_paths(d);
    if (d->hash)
        gnutls_hash_deinit(d->hash, NULL);
    d->hash = NULL;
    d->active = false;
}

static void finish(struct download *d)
{
    struct module *m = d->m;
    enum cause cause = d->verdict;

    cease(d);
    download_note_end(d, cause);
    d->done(m, cause);
}

static void on_finish(uv_timer_t *timer)
{
    finish(timer->data);
}

/* The verdict may be found inside a callback of the link, which must not be
 * closed there: the rest happens from the loop. Returns non-zero for it. */
static int decide(struct download *d, enum cause cause)
{
    d->verdict = cause;
    d->over = true;
    uv_timer_start(&d->timer, on_finish, 0, 0);
    return DFOTA_E_CANCELLED;
}

/* At speed 0 a peer that says nothing costs what a silence costs. */
static uint64_t exchange_patience(const struct module *m)
{
    return module_patience(m, m->c->speed > 0 ? EXCHANGE_MS
                                              : m->d->timing.silence);
}

static void try_once(struct download *d)
{
    struct module *m = d->m;
    int err;
    /* Without a strong tag the parts might be of two files: all again. */
    struct link_request r = {
        .url = d->url,
        .from = d->etag[0] ? d->got : 0,
        .etag = d->etag[0] ? d->etag : NULL,
        .ip_type = m->set.ip_type,
        .connect_ms = module_patience(m, m->d->timing.connect),
        .silence_ms = module_patience(m, m->d->timing.silence),
        .exchange_ms = exchange_patience(m),
        .ca = d->ca,
        .cert = d->cert,
        .key = d->key,
        .psk = d->psk,
        .callback = on_event,
        .ctx = d,
    };
    struct link_event none = {
        .kind = LINK_ERROR, .error = LINK_CONNECT, .text = "no network"};

    if (!radio_registered(&m->radio))
        on_event(d, &none);
    else if ((err = link_open(d->link, &r)) != 0)
        decide(d, err == DFOTA_E_SYNTAX ? CAUSE_URL : CAUSE_TLS);
}

static void on_pause_over(uv_timer_t *timer)
{
    try_once(timer->data);
}

static void try_again(struct download *d)
{
    uint32_t pause = d->m->d->timing.connect_pause;

    uv_timer_start(&d->timer, on_pause_over, module_pause(d->m, pause), 0);
}

static int restart(struct download *d)
{
    d->got = 0;
    if (d->hash)
        gnutls_hash_deinit(d->hash, NULL);
    d->hash = NULL;
    if (gnutls_hash_init(&d->hash, GNUTLS_DIG_SHA256) != 0)
        d->hash = NULL;
    return chip_package_begin(&d->m->chip);
}

static enum cause status_cause(int status)
{
    if (status == 404 || status == 410)
        return CAUSE_NOT_FOUND;
    return CAUSE_STATUS;
}

static void keep_validators(struct download *d, const struct link_event *e)
{
    d->etag[0] = '\0';
    if (e->etag)
        snprintf(d->etag, sizeof d->etag, "%s", e->etag);
    d->length = e->length_is_hint ? -1 : e->length;
    d->has_digest = e->digest != NULL;
    if (e->digest)
        memcpy(d->digest, e->digest, sizeof d->digest);
}

static int on_head(struct download *d, const struct link_event *e)
{
    d->answered = true;
    /* A resume past the end: the resource became shorter. */
    if (e->status == 416 && d->got > 0)
        return decide(d, CAUSE_LENGTH);
    if (e->status != 200 && e->status != 206)
        return decide(d, status_cause(e->status));
    if (e->status == 206 && (e->from != d->got || d->got == 0))
        return decide(d, CAUSE_LENGTH);
    if (e->length > (int64_t)d->m->c->memory.package)
        return decide(d, CAUSE_TOO_LARGE);
    if (e->status == 206) {
        /* If-Range ignored: these bytes are of another file. */
        if (e->etag && strcmp(e->etag, d->etag) != 0)
            return decide(d, CAUSE_LENGTH);
        if (e->length >= 0 && d->length >= 0 && e->length != d->length)
            return decide(d, CAUSE_LENGTH);
        return 0;
    }
    if (d->got > 0 && restart(d) != 0)
        return decide(d, CAUSE_STORE);
    keep_validators(d, e);
    download_note_head(d);
    return 0;
}

static int on_data(struct download *d, const struct link_event *e)
{
    struct module *m = d->m;
    int err;

    if (d->length >= 0 && e->len > (uint64_t)d->length - d->got)
        return decide(d, CAUSE_LENGTH);
    err = chip_package_write(&m->chip, e->data, e->len);
    if (err)
        return decide(d, err == DFOTA_E_FULL ? CAUSE_TOO_LARGE : CAUSE_STORE);
    gnutls_hash(d->hash, e->data, e->len);
    d->got += e->len;
    download_note_data(d);
    if (d->length > 0)
        d->progress(m, (unsigned)(d->got * 100 / (uint64_t)d->length));
    return 0;
}

static void on_end(struct download *d)
{
    uint8_t digest[LINK_DIGEST_LEN];

    gnutls_hash_output(d->hash, digest);
    if ((d->has_digest && memcmp(digest, d->digest, sizeof digest) != 0) ||
        (d->wants_digest && memcmp(digest, d->wanted, sizeof digest) != 0))
        decide(d, CAUSE_LENGTH);
    else if (chip_package_end(&d->m->chip) != 0)
        decide(d, CAUSE_STORE);
    else
        decide(d, CAUSE_NONE);
}

static void on_error(struct download *d, enum link_error error)
{
    const struct timing *t = &d->m->d->timing;
    bool online = radio_registered(&d->m->radio);

    /* What fails on our side has no row of its own: it is "unknown" too. */
    if (error == LINK_TLS || error == LINK_ALIEN || error == LINK_FAILED) {
        decide(d, CAUSE_TLS);
        return;
    }
    if (error == LINK_CONNECT && !d->answered) {
        if (++d->tries < t->connect_tries)
            try_again(d);
        else
            decide(d, online ? CAUSE_CONNECT : CAUSE_LOST);
        return;
    }
    if (d->resumes++ < t->resumes)
        try_again(d);
    else
        decide(d, online && error == LINK_SILENT ? CAUSE_TIMEOUT : CAUSE_LOST);
}

static int on_event(void *ctx, const struct link_event *e)
{
    struct download *d = ctx;

    if (d->over)
        return DFOTA_E_CANCELLED;
    switch (e->kind) {
    case LINK_HEAD:
        return on_head(d, e);
    case LINK_DATA:
        return on_data(d, e);
    case LINK_END:
        on_end(d);
        return 0;
    default:
        log_debug("download: %s", e->text);
        on_error(d, e->error);
        return 0;
    }
}

static void find_tls_files(struct download *d, const struct url *url)
{
    const struct module *m = d->m;

    if (url->scheme == URL_COAPS)
        d->psk = module_file(m, m->d->psk_file);
    if (d->psk || (url->scheme & (URL_HTTPS | URL_COAPS)) == 0)
        return;
    d->ca = module_file(m, m->d->ca_file);
    d->cert = module_file(m, m->d->cert_file);
    d->key = module_file(m, m->d->key_file);
    if (!d->ca)
        log_warn("no %s: the server is not verified",
                 m->d->ca_file ? m->d->ca_file : "CA file");
}

void download_begin(struct download *d, const struct url *url)
{
    cease(d);
    url_write(url, d->url, sizeof d->url);
    d->tries = d->resumes = 0;
    d->answered = d->over = d->has_digest = false;
    d->etag[0] = '\0';
    d->length = -1;
    d->active = true;
    find_tls_files(d, url);
    d->link = url->scheme & (URL_COAP | URL_COAPS) ? d->coap : d->http;
    if (!download_take_up(d, url) && restart(d) != 0)
        decide(d, CAUSE_STORE);
    else if (!d->hash)
        decide(d, CAUSE_TLS);
    else
        uv_timer_start(&d->timer, on_pause_over, 0, 0);
}

void download_stop(struct download *d)
{
    cease(d);
}

void download_net_lost(struct download *d)
{
    if (!d->active || d->over)
        return;
    link_close(d->link);
    on_error(d, LINK_LOST);
}

void download_init(struct download *d, struct module *m)
{
    *d = (struct download){.m = m,
                           .http = link_http_create(m->loop, &m->fault),
                           .coap = link_coap_create(m->loop, &m->fault)};
    d->link = d->http;
    uv_timer_init(m->loop, &d->timer);
    d->timer.data = d;
}

void download_close(struct download *d)
{
    cease(d);
    link_destroy(d->http);
    link_destroy(d->coap);
    uv_close((uv_handle_t *)&d->timer, NULL);
}
