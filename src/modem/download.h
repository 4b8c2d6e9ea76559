/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Fetch a package into the package area: tries, resumes, limits, digest.
 *
 * Layer: modem. Stands on a link; retry times are the dialect's.
 */
#ifndef DFOTA_MODEM_DOWNLOAD_H
#define DFOTA_MODEM_DOWNLOAD_H

#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "link/link.h"
#include "modem/dialect.h"
#include "modem/url.h"

struct download {
    struct module *m;
    struct link *http, *coap;
    struct link *link; /* the one of them that the URL wants */
    uv_timer_t timer;  /* pauses between tries */
    char url[URL_MAX + 32];
    uint8_t tries, resumes; /* used up */
    bool active;            /* between begin and done */
    bool answered;          /* a head came: what follows is a resume */
    bool over;              /* finish() runs once the link has let go */
    enum cause verdict;
    char etag[LINK_ETAG_MAX]; /* "" none */
    uint64_t got;
    bool keeps;        /* over CoAP, with an entity tag: parts are noted */
    uint32_t kept;     /* bytes the note is about, */
    uint32_t kept_sum; /* their CRC-32 */
    int64_t length;    /* -1 not said */
    /* Beside what the server says: set by the caller before begin(). */
    bool wants_digest;
    uint8_t wanted[LINK_DIGEST_LEN];
    bool has_digest;
    uint8_t digest[LINK_DIGEST_LEN];
    gnutls_hash_hd_t hash;
    char *ca, *cert, *key, *psk; /* paths */
    /* 0..100, whenever it grows; only when the length is known. */
    void (*progress)(struct module *m, unsigned percent);
    void (*done)(struct module *m, enum cause cause);
};

void download_init(struct download *d, struct module *m);
void download_close(struct download *d);

/** Begin; done() comes later, never from inside. */
void download_begin(struct download *d, const struct url *url);

/** Give up without a word, as a power cut does. */
void download_stop(struct download *d);

/** The network went away: the connection with it. */
void download_net_lost(struct download *d);

/* ---- download_resume.c: over a power cut --------------------------------- */

/**
 * Go on where a cut or a lost network ended the download of the same URL
 * over CoAP: sets etag, got and hash. False: begin anew.
 */
bool download_take_up(struct download *d, const struct url *url);

/** The head of a new body came: what is kept of an older one is void. */
void download_note_head(struct download *d);

/** Bytes came: with each whole sector of them the note grows. */
void download_note_data(struct download *d);

/** It ended: what a later try cannot use is forgotten. */
void download_note_end(struct download *d, enum cause cause);

#endif
