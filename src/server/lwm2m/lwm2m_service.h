/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The LwM2M server of dfotad: a thread with its sockets, the registrations,
 * update jobs, and the questions of people.
 *
 * Layer: server. Everything LwM2M happens under one lock: the thread holds
 * it while it handles datagrams and time, the functions here take it. None
 * of them waits for the network: a question is given a number, and its
 * answer is asked for by that.
 */
#ifndef DFOTA_SERVER_LWM2M_SERVICE_H
#define DFOTA_SERVER_LWM2M_SERVICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LWM2M_SERVICE_URIS = 4,
    LWM2M_REQUESTS_MAX = 256, /* of people, answered ones included */
    LWM2M_JOBS_MAX = 1024,
};

struct lwm2m_service;
struct node;

struct lwm2m_service_config {
    const char *uris[LWM2M_SERVICE_URIS]; /* coap:// or coaps://ADDR:PORT */
    unsigned n_uris;
    const char *keys;            /* file of pre-shared keys, or NULL */
    const char *ca, *cert, *key; /* X.509; NULL: PSK only */
    /* Bootstrap: the server that clients are told of, or NULL. Clients that
     * have a key in `keys` are given it with that key. */
    const char *bootstrap;
    uint32_t max; /* registrations; 0: 1 000 000 */
    /* Whose database keeps registrations; NULL: they live in memory alone. */
    struct node *node;
};

/** Bind and start the thread. errors: E_SYNTAX, E_CONNECT, E_NOMEM, E_ARG,
 * E_IO: said */
int lwm2m_service_start(const struct lwm2m_service_config *config,
                        struct lwm2m_service **out);
void lwm2m_service_stop(struct lwm2m_service *s);

/** Read the file of keys again. The old set stays when it is not good. */
int lwm2m_service_reload(struct lwm2m_service *s);

/** Where it listens, the i-th; NULL: no more. */
const char *lwm2m_service_name(const struct lwm2m_service *s, unsigned i);

/* For people. Objects are the caller's. */

/** All registrations, at most limit, of endpoints after `after` ("" from the
 * first): an array. */
json_t *lwm2m_service_list(struct lwm2m_service *s, const char *after,
                           size_t limit);

/** One, with its objects and the state of its job; NULL: no such client. */
json_t *lwm2m_service_show(struct lwm2m_service *s, const char *endpoint);

enum lwm2m_action { LWM2M_READ, LWM2M_WRITE, LWM2M_EXECUTE, LWM2M_DISCOVER };

/**
 * Ask a client.
 *
 * value    of a write, as text; NULL otherwise
 * id       out: for lwm2m_service_answer()
 * errors   E_NOTFOUND no such client; E_SYNTAX path; E_FULL too much waits;
 *          E_CONNECT it is gone
 */
int lwm2m_service_ask(struct lwm2m_service *s, const char *endpoint,
                      enum lwm2m_action action, const char *path,
                      const char *value, uint32_t *id);

/** {"id", "state": "waiting"|"answered"|"failed", "code": "2.05", "values":
 * [{"path", "value"}]}; NULL: no such question (any more). */
json_t *lwm2m_service_answer(struct lwm2m_service *s, uint32_t id);

struct lwm2m_update {
    uint8_t *package; /* malloc'd, taken over if 0 is returned; NULL: none */
    uint32_t length;
    const char *uri[4];  /* coap, coaps, http, https; NULL: none */
    const char *version; /* wanted afterwards; NULL: any other */
    int method;          /* enum lwm2m_job_method */
};

/** Begin an update. errors: E_NOTFOUND, E_BUSY it has one, E_FULL too many
 * run, E_NOMEM */
int lwm2m_service_update(struct lwm2m_service *s, const char *endpoint,
                         const struct lwm2m_update *u);

/** Give the update of a client up. errors: E_NOTFOUND it has none */
int lwm2m_service_cancel(struct lwm2m_service *s, const char *endpoint);

#endif
