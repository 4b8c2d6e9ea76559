/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A LwM2M client and a server in one process, on a network of their own and
 * a clock that jumps from event to event.
 *
 * Real engines on both sides, real CoAP; what is played here is the network
 * (delay, loss, duplication by a seeded generator), the client's flash and
 * its reboot, and the server's sockets.
 */
#ifndef DFOTA_TESTS_LWM2M_WORLD_H
#define DFOTA_TESTS_LWM2M_WORLD_H

#include "lwm2m/bootstrap.h"
#include "lwm2m/client.h"
#include "lwm2m/firmware_job.h"

/* Milliseconds of the world's time. */
#define SECONDS(n) ((uint64_t)(n)*1000)

enum {
    WORLD_WAYS = 64,
    WORLD_PACKAGE_MAX = 262144,
    WORLD_SEEN = 64, /* events remembered */
};

struct world;

/* Both ends of one address pair. */
struct world_way {
    struct world *w;
    bool open;
    bool fetch; /* of a package, beside the registration */
    /* Where the other end is: itself, but for a NAT that gave a new port. */
    unsigned other;
    struct lwm2m_way way;    /* the server's view */
    struct coap_peer server; /* the server's end */
    struct coap_peer client; /* the client's end */
};

struct world_datagram {
    struct world_datagram *next;
    uint64_t at;
    unsigned way;
    bool to_server;
    size_t len;
    uint8_t bytes[COAP_DATAGRAM_MAX];
};

/* In the order of its parts. */
struct world { /* NOLINT(clang-analyzer-optin.performance.Padding) */
    uint64_t now;
    /* The network. */
    unsigned rtt_ms, loss, duplicates; /* per cent */
    bool down;
    uint64_t random;
    struct world_datagram *wire;
    unsigned long sent, dropped;
    /* Where a datagram passes; true drops it. */
    bool (*tap)(struct world *w, bool to_server, const uint8_t *data,
                size_t len);
    void *tap_ctx;
    struct world_way ways[WORLD_WAYS];
    unsigned ways_count;
    /* The client's module. */
    struct lwm2m_client client;
    struct lwm2m_client_config config;
    struct lwm2m_kept kept;
    unsigned way, keeps, reboots, boots_at_loss;
    bool connected;
    uint64_t connected_at; /* the way opens then */
    char version[32], next_version[32];
    uint8_t flash[WORLD_PACKAGE_MAX];
    uint32_t flash_len;
    bool stored, at_busy;
    int store_err, verify_err, check_err; /* what the flash's side says */
    bool update_fails, loses_power;
    unsigned begun, erased, updates;
    char fetched_uri[256];
    struct coap_get get;
    struct coap_params params;
    uint8_t get_options[128];
    bool fetching;
    unsigned fetch_way;
    int battery;
    /* The server. */
    struct registrar registrar;
    struct bootstrap bootstrap;
    struct bootstrap_account account;
    bool has_account, bootstrapped;
    unsigned registered, updated, gone, informed;
    bool deny;
    struct lwm2m_job job;
    struct lwm2m_job_config job_config;
    bool job_runs;
    uint8_t package[WORLD_PACKAGE_MAX];
    uint32_t package_len;
    /* States and results that the server read or was told, each once. */
    char history[256];
};

/** A client of 1.0 with one NoSec server, lifetime 300 s, package of len
 * bytes. */
void world_init(struct world *w, uint64_t seed, uint32_t package_len);
void world_release(struct world *w);

/** Start the client with what w->config and w->kept say. */
void world_start(struct world *w);

/** The power is cut and comes back. */
void world_reboot(struct world *w, enum firmware_found found);

/** Until the condition holds; false: it did not within ms. */
bool world_until(struct world *w, uint64_t ms,
                 bool (*condition)(const struct world *w));
void world_run(struct world *w, uint64_t ms);

bool world_is_registered(const struct world *w);
bool world_job_over(const struct world *w);

/** The registration of the client; NULL. */
struct registration *world_registration(struct world *w);

/** One question, its answer within a minute of the world's time.
 * payload, out: may be NULL; returns the code, 0 none */
uint8_t world_ask(struct world *w, const struct registration_question *q,
                  char *out, size_t room);

/** Of the last answer that world_ask() and world_do() gave. */
size_t world_answer_len(void);
unsigned world_answer_format(void);

/** A NAT gives the client another port: what it sends comes from there, what
 * is sent to the old one is lost. Nobody is told. */
void world_rebind(struct world *w);

/** The server starts anew and knows nobody. */
void world_server_forgets(struct world *w);

/** GET, PUT.. of a path with a text. */
uint8_t world_do(struct world *w, uint8_t code, const char *path,
                 const char *text, char *out, size_t room);

/** A datagram that comes to the client by another way than the wire. */
void world_inject(struct world *w, const uint8_t *data, size_t len);

/** The same for the server: from the client's address. */
void world_inject_to_server(struct world *w, const uint8_t *data, size_t len);

/** Start a job; method and URIs are in w->job_config. */
int world_job(struct world *w, enum lwm2m_job_method method);

#endif
