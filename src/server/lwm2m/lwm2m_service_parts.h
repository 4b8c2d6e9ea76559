/* SPDX-License-Identifier: Apache-2.0 */
/** What the files of the service share; for them alone. Layer: server. */
#ifndef DFOTA_SERVER_LWM2M_SERVICE_PARTS_H
#define DFOTA_SERVER_LWM2M_SERVICE_PARTS_H

#include <pthread.h>

#include "lwm2m/bootstrap.h"
#include "lwm2m/firmware_job.h"
#include "server/coap_listener.h"
#include "server/lwm2m/lwm2m_keys.h"
#include "server/lwm2m/lwm2m_service.h"

/* A job with the bytes it sends. */
struct lwm2m_led;
struct lwm2m_plans;
struct lwm2m_run {
    struct lwm2m_run *next;
    struct lwm2m_job job;
    uint8_t *package;
    char *uri[4], *version;
    char endpoint[REGISTRAR_ENDPOINT_MAX + 1];
    int64_t begun_s, ended_s; /* since the epoch; 0: not yet */
    struct lwm2m_led *led;    /* the attempt it leads, or NULL: a person's */
};

struct lwm2m_request {
    uint32_t id; /* 0: free */
    bool over;
    uint8_t code;
    char endpoint[REGISTRAR_ENDPOINT_MAX + 1];
    json_t *values;
    struct lwm2m_path path;
    struct lwm2m_service *s;
};

/* A bootstrap with what it tells: the keys may be read anew meanwhile. */
struct lwm2m_boot {
    struct bootstrap b;
    struct bootstrap_account account;
    struct psk psk;
};

/* What hangs on a remote. */
struct lwm2m_remote {
    struct lwm2m_way way; /* the first */
    const struct coap_listener *listener;
    struct lwm2m_boot *boot; /* the last one, or NULL */
};

struct lwm2m_service {
    struct lwm2m_service_config c;
    pthread_mutex_t lock;
    pthread_t thread;
    bool has_thread, stopping;
    int wake_fd;
    struct coap_listener listener[LWM2M_SERVICE_URIS];
    unsigned n_listeners;
    struct dtls_credentials *credentials;
    struct lwm2m_keys *keys;
    struct registrar registrar;
    struct lwm2m_run *runs; /* under way and over, newest first */
    unsigned n_runs;
    struct lwm2m_request requests[LWM2M_REQUESTS_MAX];
    uint32_t next_request;
    struct lwm2m_plans *plans; /* NULL: no node */
};

uint64_t lwm2m_service_now(void); /* milliseconds, monotonic */

/** The lock, and the clock in the registrar; unlock wakes the thread up. */
void lwm2m_service_lock(struct lwm2m_service *s);
void lwm2m_service_unlock(struct lwm2m_service *s);

/** What hangs on a remote of a listener, made if it is not there. NULL: no
 * memory */
struct lwm2m_remote *lwm2m_remote_of(const struct coap_listener *l,
                                     struct coap_remote *r);

void lwm2m_run_add(struct lwm2m_service *s, struct lwm2m_run *run);
void lwm2m_run_free(struct lwm2m_run *run);
void lwm2m_run_log(const struct lwm2m_run *run);
/** The oldest one that is over makes room. false: none is */
bool lwm2m_runs_make_room(struct lwm2m_service *s, const char *endpoint);

/** The newest run of an endpoint; NULL. */
struct lwm2m_run *lwm2m_run_of(const struct lwm2m_service *s,
                               const char *endpoint);
void lwm2m_runs_tick(struct lwm2m_service *s, uint64_t now);
uint64_t lwm2m_runs_wake(const struct lwm2m_service *s);
void lwm2m_runs_free(struct lwm2m_service *s);

#endif
