/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A LwM2M server: registrations, and what is asked of a client.
 *
 * Layer: lwm2m. Sans-I/O: the owner has sockets and one struct coap_peer for
 * each remote endpoint, hands over requests, and keeps the clock. The server
 * is client of CoAP on the peer a Register came from. After every Register
 * it observes /5/0/3 and /5/0/5 and reads /5/0 and /3/0/3. A client in queue
 * mode is asked when it was just heard; else the question waits.
 *
 * At rest a registration costs less than 1 KB with its peer; all tables grow
 * with what is registered and with nothing a stranger sends.
 * source   OMA LwM2M 1.0 5.3, 1.1 Core 6.2
 */
#ifndef DFOTA_LWM2M_REGISTRAR_H
#define DFOTA_LWM2M_REGISTRAR_H

#include "link/coap_exchange.h"
#include "lwm2m/firmware.h"
#include "lwm2m/value.h"
#include "os/buffer.h"

enum {
    REGISTRAR_ENDPOINT_MAX = 128, /* bytes of an endpoint's name */
    REGISTRAR_LINKS_MAX = 4096,   /* of what it registers */
    REGISTRAR_PREFIX_MAX = 31,    /* of an alternate path */
    REGISTRAR_ASKS_MAX = 16,      /* questions that wait for one client */
    REGISTRAR_ANSWER_MAX = 32768, /* of an answer that comes in blocks */
    REGISTRAR_VERSION_MAX = 63,
    REGISTRAR_LIFETIME_S = 86400, /* when none is said */
};

struct registration;
struct lwm2m_job;

/* One remote endpoint: address, or DTLS session. The owner's memory, there
 * until registrar_way_gone(). */
struct lwm2m_way {
    struct coap_peer *peer;
    const char *identity; /* of DTLS; NULL: NoSec */
    void *owner;
    struct registration *first; /* those that were last heard on it */
};

/* What is known of the Firmware Update object of a client. */
struct registration_firmware {
    bool known;
    uint8_t state, result;
    int8_t delivery;   /* /5/0/9, -1 not said */
    uint8_t protocols; /* /5/0/8 as bits; 0xff not said: coap(s) push */
};

struct registration {
    struct registration *by_endpoint, *by_id; /* chains of the tables */
    struct registration *next_on_way;
    struct lwm2m_way *way;         /* NULL: gone */
    struct lwm2m_job *job;         /* under way, or NULL */
    struct registration_ask *asks; /* wait for it to wake */
    struct registration_ask *sent; /* under way, observations too */
    uint64_t id;                   /* of the location */
    uint64_t expires_ms, heard_ms, registered_ms;
    uint64_t user; /* the owner's */
    char *version; /* /3/0/3; NULL not known */
    char *links;   /* objects as registered */
    /* From here on without a gap: there are a hundred thousand of these. */
    uint32_t lifetime_s;
    uint32_t heap; /* place in the table of deadlines */
    uint32_t mark; /* the owner's */
    uint8_t asks_count;
    bool v11, queue;
    bool absent;           /* no longer registered, kept for its job */
    bool leaving;          /* being taken apart: nothing more is asked */
    bool restored;         /* from before: what was observed is not any more */
    bool noted, versioned; /* the owner's: written down, with its version */
    struct registration_firmware firmware;
    /* Alternate path, "" or "/lwm2m". */
    char prefix[REGISTRAR_PREFIX_MAX + 1];
    char endpoint[];
};

enum registrar_event {
    REGISTRAR_REGISTERED, /* new, or anew */
    REGISTRAR_UPDATED,
    REGISTRAR_GONE,     /* de-registered, or expired */
    REGISTRAR_FIRMWARE, /* r->firmware or r->version is read or notified */
};

struct registrar_ops {
    /* Unpredictable bits: locations are not to be guessed. */
    uint64_t (*random)(void *ctx);
    /* False: this endpoint may not register (4.03). May be NULL. */
    bool (*allow)(void *ctx, const char *endpoint, const char *identity);
    void (*event)(void *ctx, struct registration *r, enum registrar_event e);
    /* No registration stands on this way any more. May be NULL. */
    void (*idle)(void *ctx, struct lwm2m_way *way);
};

struct registrar_config {
    uint32_t max;      /* registrations; more are answered 5.03 */
    uint32_t awake_ms; /* a client of queue mode listens so long; 0: 93 s */
};

/* When to look at a registration: its lifetime ends then, or later, if it
 * was updated since. */
struct registrar_deadline {
    uint64_t due_ms;
    struct registration *r;
};

struct registrar {
    const struct registrar_ops *ops;
    void *ctx;
    struct registrar_config c;
    uint64_t now;
    struct registration **by_endpoint, **by_id;
    struct registrar_deadline *heap;
    uint32_t count, buckets, heap_room;
    struct registrar_half *halves; /* bodies that come in blocks; or NULL */
    const struct coap_part *part;  /* of the request being answered */
};

/** errors: E_NOMEM */
int registrar_init(struct registrar *s, const struct registrar_ops *ops,
                   void *ctx, const struct registrar_config *config);
/** Forget all; no events. */
void registrar_release(struct registrar *s);

/**
 * A request to /rd or below it. Others are not touched.
 *
 * returns  true: it was answered
 */
bool registrar_request(struct registrar *s, uint64_t now, struct lwm2m_way *way,
                       const struct coap_ticket *ticket,
                       const struct coap_msg *m);

/* A registration as it was written down. */
struct registration_past {
    const char *endpoint, *links, *version; /* version NULL: not known */
    uint64_t id;
    uint32_t lifetime_s;
    uint64_t left_ms, heard_before_ms;
    bool v11, queue;
};

/**
 * Put a registration back that this server gave before it was started again:
 * its location is known, and nothing is sent. No event.
 *
 * errors   E_STATE endpoint or location is there; E_SYNTAX, E_FULL links;
 *          E_NOMEM
 */
int registrar_restore(struct registrar *s, struct lwm2m_way *way,
                      const struct registration_past *past,
                      struct registration **out);

/** The way is about to be freed: nothing is sent to it any more. */
void registrar_way_gone(struct registrar *s, uint64_t now,
                        struct lwm2m_way *way);

/**
 * A DTLS session was resumed, not made anew: the client that it belongs to is
 * still registered and says nothing until its next Update, so its
 * registration is on this way from now on.
 */
void registrar_way_resumed(struct registrar *s, uint64_t now,
                           struct lwm2m_way *way);

/** The time is now: before datagrams are handed to the peers. */
static inline void registrar_clock(struct registrar *s, uint64_t now)
{
    s->now = now;
}

/** Registrations whose lifetime is over go: a bounded number at once, so that
 * requests in between are answered; then registrar_wake() is not after now. */
void registrar_tick(struct registrar *s, uint64_t now);
/** When to tick, or before. */
uint64_t registrar_wake(const struct registrar *s);

/** NULL: not registered. */
struct registration *registrar_find(const struct registrar *s,
                                    const char *endpoint);

/** Walk all, also those that are absent: start with NULL. The order is any;
 * none may come or go. */
struct registration *registrar_next(const struct registrar *s,
                                    const struct registration *after);

/** The client registered this object. */
bool registration_has(const struct registration *r, unsigned object);

/* ---- questions ----------------------------------------------------------- */

/* The answer. code 0: none came (silence, RST, the client or its way gone;
 * r is NULL when its registration could not be replaced).
 * An observation's comes again for each notification. */
typedef void registration_answer(void *ctx, struct registration *r,
                                 uint8_t code, const struct coap_msg *m);

struct registration_question {
    uint8_t code; /* COAP_GET, PUT, POST, DELETE */
    struct lwm2m_path path;
    const char *query;       /* "pmin=1&pmax=60", or NULL */
    unsigned accept, format; /* LWM2M_FORMAT_*, NONE: no option */
    int observe;             /* 0, 1, or -1: no option */
    const void *payload;     /* copied; at most COAP_PAYLOAD_MAX */
    size_t payload_len;
    registration_answer *answer; /* may be NULL */
    void *ctx;
};

/** A question with path and defaults. */
struct registration_question registration_question(uint8_t code,
                                                   const char *path);

/**
 * Ask, now or when the client wakes. A Read is asked again, up to three
 * times, when a client in queue mode fell asleep over it or registered anew;
 * its answer may come in blocks. Anything else is sent once.
 *
 * errors   E_FULL too many wait, E_NOMEM, E_CONNECT no way to the client,
 *          E_ARG; answer() is not called then. Otherwise it is called once.
 */
int registration_ask(struct registrar *s, uint64_t now, struct registration *r,
                     const struct registration_question *q);

/** End the observation whose question had this ctx: its next notification is
 * answered with RST. Harmless when there is none. */
void registration_unobserve(struct registrar *s, uint64_t now,
                            struct registration *r, const void *ctx);

/** Whoever asked with this ctx is not told any more: it goes. Questions that
 * wait are not asked. */
void registration_forget(struct registration *r, const void *ctx);

/** Read /5/0 and /3/0/3; REGISTRAR_FIRMWARE follows each answer. */
void registration_refresh(struct registrar *s, uint64_t now,
                          struct registration *r);

/** It is not asleep, as far as one can know. */
bool registration_awake(const struct registrar *s,
                        const struct registration *r);

/** Uri-Path options of a path of this client. errors: E_FULL */
int registration_path(const struct registration *r,
                      const struct lwm2m_path *path, struct coap_options *o);

#endif
