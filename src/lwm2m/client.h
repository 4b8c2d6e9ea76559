/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A LwM2M client: bootstrap, registration, objects, observations.
 *
 * Layer: lwm2m. Sans-I/O: it stands on one struct coap_peer at a time and
 * asks its owner for everything else by ops. Time is any monotonic count of
 * milliseconds; lwm2m_client_tick() is due at lwm2m_client_wake().
 *
 *   OFF -> WAITING -> CONNECTING -> BOOTSTRAPPING -> (Finish) WAITING ..
 *             ^           |
 *             |           +-> REGISTERING -> REGISTERED -> LEAVING -> OFF
 *             +--- back-off ------+------------ lost, 4.04
 *
 * One server for management and one for bootstrap, as instances of object 0:
 * after five tries of one in vain the other's turn is next. Its
 * memory does not depend on what the server sends.
 * source   OMA LwM2M 1.0 and 1.1 (Core, Transport)
 */
#ifndef DFOTA_LWM2M_CLIENT_H
#define DFOTA_LWM2M_CLIENT_H

#include "link/coap_block.h"
#include "lwm2m/firmware.h"
#include "lwm2m/reader.h"

enum {
    LWM2M_SECURITY_MAX = 3, /* instances of object 0 */
    LWM2M_SERVER_MAX = 2,   /* of object 1 */
    LWM2M_OBSERVATIONS = 16,
    LWM2M_COMPOSITE_MAX = 16, /* paths of a composite operation */
    LWM2M_ATTRIBUTES = 16, /* paths with attributes set by Write-Attributes */
    LWM2M_ENDPOINT_MAX = 128,
    LWM2M_SERVER_URI_MAX = 255,
    LWM2M_KEY_MAX = 1024, /* a certificate, DER */
    LWM2M_LOCATION_MAX = 128,
};

/* /0/x/2 */
enum lwm2m_security_mode {
    LWM2M_PSK = 0,
    LWM2M_X509 = 2,
    LWM2M_NOSEC = 3,
};

/* An instance of object 0. */
struct lwm2m_security {
    bool used;
    uint16_t instance;
    bool bootstrap;
    uint8_t mode;
    uint16_t short_id;
    uint32_t hold_off_s;
    char uri[LWM2M_SERVER_URI_MAX + 1];
    uint16_t identity_len, server_key_len, secret_len;
    uint8_t identity[LWM2M_KEY_MAX];   /* PSK identity or certificate */
    uint8_t server_key[LWM2M_KEY_MAX]; /* certificate of the server, or none */
    uint8_t secret[LWM2M_KEY_MAX];     /* PSK or private key */
};

/* An instance of object 1. */
struct lwm2m_server {
    bool used;
    uint16_t instance;
    uint16_t short_id;
    uint32_t lifetime_s;
    uint32_t pmin_s, pmax_s; /* defaults of observations; pmax 0: none */
    uint32_t disable_s;
    bool storing;
    char binding[4]; /* "U", "UQ" */
};

/* What must survive a reset. Plain data: may be stored as it is by a program
 * that reads only what it wrote itself. */
struct lwm2m_kept {
    struct lwm2m_security security[LWM2M_SECURITY_MAX];
    struct lwm2m_server server[LWM2M_SERVER_MAX];
    struct firmware_kept firmware;
};

/* /3/0: what the module says of itself. Texts, borrowed for the call. */
struct lwm2m_device {
    const char *manufacturer, *model, *serial, *version, *type, *hardware;
    int battery_percent; /* -1: no battery */
    int64_t memory_free_kb, memory_total_kb;
    int64_t time_s; /* since the epoch */
};

enum lwm2m_client_state {
    LWM2M_OFF,
    LWM2M_WAITING, /* until the next try */
    LWM2M_CONNECTING,
    LWM2M_BOOTSTRAPPING,
    LWM2M_REGISTERING,
    LWM2M_REGISTERED,
    LWM2M_LEAVING, /* De-register is under way */
};

struct lwm2m_client_ops {
    /* Open a way to s->uri; lwm2m_client_connected() or .._lost() tell, not
     * from inside. A way that is open is closed first. */
    void (*connect)(void *ctx, const struct lwm2m_security *s);
    void (*disconnect)(void *ctx);
    /* struct lwm2m_kept changed: store it before returning. */
    void (*keep)(void *ctx, const struct lwm2m_kept *kept);
    void (*device)(void *ctx, struct lwm2m_device *d);
    /* Execute of /3/0/4, once its answer has left. */
    void (*reboot)(void *ctx);
    /* The state, or asleep, is another than before; may be NULL. */
    void (*state)(void *ctx, enum lwm2m_client_state state);
    /* lwm2m_client_wake() is another time; may be NULL. */
    void (*wake)(void *ctx, uint64_t at_ms);
};

struct lwm2m_client_config {
    const char *endpoint;
    bool v11;             /* LwM2M 1.1, else 1.0 */
    bool firmware_v11;    /* version 1.1 of object 5 */
    uint32_t package_max; /* bytes of a package */
    uint8_t block_szx;    /* largest block taken */
    uint8_t protocols;    /* /5/0/8: bits 0 coap, 1 coaps, 2 http, 3 https */
    uint32_t awake_ms;    /* queue mode: awake after the last message */
    uint32_t retry_ms;    /* first pause after a failure, doubles to 64 times */
    uint32_t silence_ms;  /* no block for so long: connection lost */
    uint32_t update_delay_ms; /* answer to Execute until the reset, at least */
    uint32_t told_ms; /* .. and so much longer for ACKs that are awaited */
};

/** The values of the documents: 1.0, blocks of 1024 bytes, http(s) and
 * coap(s), 93 s awake, 60 s, 300 s, 3 s, 10 s. */
extern const struct lwm2m_client_config lwm2m_client_defaults;

/* Attributes of observations; has_ bits by the order here. */
enum {
    LWM2M_HAS_PMIN = 1,
    LWM2M_HAS_PMAX = 2,
    LWM2M_HAS_GT = 4,
    LWM2M_HAS_LT = 8,
    LWM2M_HAS_ST = 16,
};

struct lwm2m_attributes {
    uint8_t has;
    uint32_t pmin_s, pmax_s;
    double gt, lt, st;
};

/* What a composite operation names. */
struct lwm2m_composite {
    uint8_t n;
    struct lwm2m_path path[LWM2M_COMPOSITE_MAX];
};

struct lwm2m_observation {
    struct coap_observer observer;
    struct lwm2m_client *client;
    bool used;
    bool changed; /* since the last notification */
    uint16_t format;
    struct lwm2m_path path;
    struct lwm2m_composite what; /* n 0: path alone */
    uint64_t told_ms;
    double told; /* value of the last notification, if it was a number */
};

struct lwm2m_client {
    const struct lwm2m_client_ops *ops;
    const struct firmware_ops *firmware_ops;
    void *ctx;
    struct lwm2m_client_config c;
    const struct coap_params *params;
    enum lwm2m_client_state state;
    bool connected, asleep;
    uint64_t observe_ms; /* an observation is due */
    bool want_bootstrap;
    /* Ordered by the server, carried out once its request is answered. */
    bool update_due, disable_due, bootstrap_due;
    uint64_t disable_ms;
    uint64_t now, wake;
    uint64_t due_ms;       /* of the state: next try, next Update */
    uint64_t awake_ms;     /* sleep then (queue mode) */
    uint64_t reset_ms;     /* carry out reboot or update then */
    uint64_t reset_end_ms; /* .. although not all is told */
    bool reset_updates;    /* which of the two */
    uint8_t failures;
    uint32_t request;       /* the registration's request under way */
    struct coap_peer *peer; /* while connected */
    struct lwm2m_kept kept;
    struct firmware firmware;
    char endpoint[LWM2M_ENDPOINT_MAX + 1];
    char location[LWM2M_LOCATION_MAX];
    /* Registration: what the server was told. */
    uint32_t told_lifetime_s;
    int64_t time_offset_s;
    /* In-band package. */
    struct coap_body body;
    struct lwm2m_reader reader;
    struct lwm2m_path package_path;
    bool pushing, reader_open, may_restart, only_nul, begun, again;
    uint8_t package_code; /* of the answer, set by the reader's sink */
    uint32_t body_len;
    uint64_t block_ms; /* of the last block */
    /* Any other Write that takes more than a message. */
    struct coap_body other;
    struct lwm2m_path other_path;
    struct buffer other_data;
    struct lwm2m_observation observation[LWM2M_OBSERVATIONS];
    struct {
        struct lwm2m_path path;
        struct lwm2m_attributes a;
    } attributes[LWM2M_ATTRIBUTES];
    uint8_t attributes_count;
};

/**
 * kept     NULL: factory-new; copied
 */
void lwm2m_client_init(struct lwm2m_client *c, const struct lwm2m_client_ops *o,
                       const struct firmware_ops *firmware, void *ctx,
                       const struct lwm2m_client_config *config,
                       const struct coap_params *params,
                       const struct lwm2m_kept *kept);
void lwm2m_client_release(struct lwm2m_client *c);

/** Set instance i of objects 0 and 1 from the module's own configuration
 * (factory bootstrap); used false deletes it. */
void lwm2m_client_configure(struct lwm2m_client *c, unsigned i,
                            const struct lwm2m_security *security,
                            const struct lwm2m_server *server);

/** What the last boot left; before start(). See firmware_boot(). */
void lwm2m_client_boot(struct lwm2m_client *c, enum firmware_found found,
                       bool stored);

/** Register, or bootstrap when there is no server but one for it. errors:
 * E_STATE nothing is configured */
int lwm2m_client_start(struct lwm2m_client *c, uint64_t now);

/** De-register, then off. */
void lwm2m_client_stop(struct lwm2m_client *c, uint64_t now);

/** Send an Update now. */
void lwm2m_client_update(struct lwm2m_client *c, uint64_t now);

/** The way is open. peer: the owner's, until connect() or disconnect() of the
 * ops is called; its clock and its datagrams are the owner's business. */
void lwm2m_client_connected(struct lwm2m_client *c, uint64_t now,
                            struct coap_peer *peer);

/** The way broke, or could not be opened. disconnect() follows. */
void lwm2m_client_lost(struct lwm2m_client *c, uint64_t now);

/** A request came on that peer: to be called by its request callback. While
 * c->asleep the owner of a radio that is off lets none through. */
void lwm2m_client_request(struct lwm2m_client *c, uint64_t now,
                          const struct coap_ticket *ticket,
                          const struct coap_msg *m);

void lwm2m_client_tick(struct lwm2m_client *c, uint64_t now);

static inline uint64_t lwm2m_client_wake(const struct lwm2m_client *c)
{
    return c->wake;
}

/** A resource, or everything below a path, has another value. */
void lwm2m_client_changed(struct lwm2m_client *c, uint64_t now,
                          const struct lwm2m_path *path);

/** The fetch of a package is over, see firmware_fetched(). */
void lwm2m_client_fetched(struct lwm2m_client *c, uint64_t now, int err);

#endif
