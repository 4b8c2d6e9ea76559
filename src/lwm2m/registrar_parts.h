/* SPDX-License-Identifier: Apache-2.0 */
/** What the files of the registrar share; for them alone. Layer: lwm2m. */
#ifndef DFOTA_LWM2M_REGISTRAR_PARTS_H
#define DFOTA_LWM2M_REGISTRAR_PARTS_H

#include "link/coap_block.h"
#include "lwm2m/registrar.h"

/* ---- registrar_table.c --------------------------------------------------- */

/** A new one in all tables, with an endpoint and an id. NULL: no room. */
struct registration *table_add(struct registrar *s, const char *endpoint,
                               size_t len);
/** The same with an id that no other has. */
struct registration *table_add_as(struct registrar *s, const char *endpoint,
                                  size_t len, uint64_t id);
/** Out of all tables, and freed. */
void table_remove(struct registrar *s, struct registration *r);
struct registration *table_by_endpoint(const struct registrar *s,
                                       const char *endpoint, size_t len);
struct registration *table_by_id(const struct registrar *s, uint64_t id);
/** One whose lifetime is over, or NULL. budget: of registrations to look at,
 * counted down; with 0 left there may be more. */
struct registration *table_overdue(struct registrar *s, unsigned *budget);
/** r->expires_ms changed. */
void table_reorder(struct registrar *s, struct registration *r);
void way_attach(struct registrar *s, struct lwm2m_way *way,
                struct registration *r);
void way_detach(struct registrar *s, struct registration *r);

/* ---- registrar.c --------------------------------------------------------- */

/** Its job is over; one that is absent goes. */
void registration_release(struct registrar *s, struct registration *r);

/* ---- registrar_body.c ---------------------------------------------------- */

/**
 * Take one block of a Register or an Update.
 *
 * part     out: what is answered, also to WHOLE, whose code is the caller's
 * whole    out: the request with all of its payload, until half_release()
 */
enum coap_taken half_take(struct registrar *s, const struct lwm2m_way *way,
                          const char *path, const struct coap_msg *m,
                          struct coap_part *part, struct coap_msg *whole);
/** Forget what came for path; NULL: on this way. */
void half_release(struct registrar *s, const struct lwm2m_way *way,
                  const char *path);
void half_release_all(struct registrar *s);

/* ---- registrar_ask.c ----------------------------------------------------- */

/** It was heard: what waited is asked. */
void asks_flush(struct registrar *s, struct registration *r);
/** Forget what is under way, observations too; those who asked are told, or,
 * with again, wait if it may be asked twice. */
void asks_drop_sent(struct registrar *s, struct registration *r, bool again);
/** And what waits. */
void asks_drop(struct registrar *s, struct registration *r);
/** Take off what a client that registers anew is to be asked all the same:
 * what people asked and what it may be asked twice. Not its job's, which
 * begins again by itself. */
struct registration_ask *asks_take(struct registrar *s, struct registration *r,
                                   const struct lwm2m_job *job);
/** Let those wait for r; NULL: those who asked are told. */
void asks_give(struct registration *r, struct registration_ask *asks);

/* ---- registrar_greet.c --------------------------------------------------- */

/** Observe and read what every registration is observed and read for. */
void registration_greet(struct registrar *s, struct registration *r);

/* ---- firmware_job.c ------------------------------------------------------ */

/** The client was heard: r is its registration now, new or updated. */
void job_heard(struct lwm2m_job *job, struct registration *r, bool registered);
/** Its way is gone. */
void job_away(struct lwm2m_job *job);
/** The registrar goes. */
void job_orphan(struct lwm2m_job *job);
enum job_news {
    JOB_NEWS_NOTIFIED, /* something of /5/0 changed */
    JOB_NEWS_FIRMWARE, /* r->firmware was read */
    JOB_NEWS_VERSION,  /* r->version was read */
};
void job_informed(struct lwm2m_job *job, enum job_news news);

#endif
