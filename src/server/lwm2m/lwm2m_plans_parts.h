/* SPDX-License-Identifier: Apache-2.0 */
/** What the files that lead plans share; for them alone. Layer: server. */
#ifndef DFOTA_SERVER_LWM2M_LWM2M_PLANS_PARTS_H
#define DFOTA_SERVER_LWM2M_LWM2M_PLANS_PARTS_H

#include <sys/queue.h>

#include "server/fleet/attempts_led.h"
#include "server/fleet/registrations.h"
#include "server/lwm2m/lwm2m_plans.h"
#include "server/lwm2m/lwm2m_service_parts.h"

enum {
    LED_TRIES_MAX = 32,       /* between a pick and its job */
    LED_RUNS_MAX = 1000,      /* jobs of plans under way */
    LED_TOUCHED_MAX = 200000, /* registrations to be written */
    LED_LIST_MAX = 4096,      /* open attempts looked at in one round */
    LED_PAUSE_S = 30,         /* before one that got none is asked again */
    LED_RETRY_S = 3600,       /* after an attempt, unless it is heard anew */
    LED_CAUSE_ROOM = 72,
};

/* A package that several pushes read. */
struct lwm2m_package {
    struct lwm2m_package *next;
    char sha256[SECRETS_HEX_ROOM];
    uint8_t *data;
    size_t len;
    unsigned refs;
};

/* What a job that leads an attempt has to tell, and what of it is on the
 * disk. One fact at a time is under way. */
struct lwm2m_led {
    struct lwm2m_plans *p;
    char attempt[SECRETS_ID_ROOM];
    int64_t plan;
    uint64_t imei;
    uint64_t born; /* counts all of them */
    struct lwm2m_package *package;
    bool begun, begun_said;
    bool ready, allowed;
    bool over, settled; /* settled: there is nothing (more) to tell */
    bool posted;
    bool cancelled; /* by a person */
    const char *state;
    char cause[LED_CAUSE_ROOM], version[FLEET_VERSION_MAX + 1];
    int result;
};

enum try_step {
    TRY_READING, /* its battery and signal */
    TRY_POSTED,  /* the writer has it */
    TRY_TAKEN,   /* there is an attempt: a job, when there is room */
    TRY_OVER,
};

/* A module that is picked, until it has its job. */
struct lwm2m_try {
    struct job job;
    struct lwm2m_plans *p;
    struct lwm2m_try *next;
    enum try_step step;
    int unanswered; /* Reads */
    struct module_view module;
    struct poll poll;
    char endpoint[REGISTRATION_ENDPOINT_ROOM];
    char version[FLEET_VERSION_MAX + 1];
    char attempt[SECRETS_ID_ROOM];
    struct led_attempt led;
    bool may_push; /* counted as a push until it is known */
    int code;
};

/* A registration to be written. */
struct lwm2m_touched {
    STAILQ_ENTRY(lwm2m_touched) link;
    bool gone;
    uint64_t location;
    char endpoint[];
};

struct lwm2m_plans {
    struct lwm2m_service *s;
    struct lwm2m_plans_config c;
    struct node *node;
    pthread_t thread;
    pthread_cond_t wake;
    bool has_thread, stopping, woken;
    STAILQ_HEAD(, lwm2m_touched) touched;
    size_t n_touched;
    unsigned n_writes; /* of them, under way: a bounded number */
    struct lwm2m_try *tries;
    unsigned n_tries;
    struct lwm2m_package *packages;
    uint32_t cursor; /* of the walk over registrations */
    uint64_t births;
    uint64_t listed_ms, walked_ms;
};

/* ---- lwm2m_plans.c ------------------------------------------------------- */

/** For the service: with a node. NULL: no memory */
struct lwm2m_plans *lwm2m_plans_create(struct lwm2m_service *s,
                                       struct node *node);
/** The thread ends; nothing new is begun. */
void lwm2m_plans_halt(struct lwm2m_plans *p);
/** After the writer answered everything, and the registrar is gone. */
void lwm2m_plans_free(struct lwm2m_plans *p);
/** Something of a registration changed. */
void lwm2m_plans_event(struct lwm2m_plans *p, struct registration *r,
                       enum registrar_event event);
/** There is something to do. */
void lwm2m_plans_wake(struct lwm2m_plans *p);

static inline int64_t lwm2m_plans_now(const struct lwm2m_plans *p)
{
    return clock_wall(p->node->clock);
}

/* ---- lwm2m_rows.c -------------------------------------------------------- */

/** Put back who was registered here. Before the thread of the service. */
int lwm2m_rows_restore(struct lwm2m_plans *p);
/** r is to be written, or its row goes. */
void lwm2m_rows_touch(struct lwm2m_plans *p, struct registration *r, bool gone);
/** Post what was touched. Not under the lock. */
void lwm2m_rows_flush(struct lwm2m_plans *p);
/** Rows of nodes that are not there any more go, when they are long over. */
void lwm2m_rows_forget(struct lwm2m_plans *p);
void lwm2m_rows_free(struct lwm2m_plans *p);

/* ---- lwm2m_picks.c ------------------------------------------------------- */

/** Look at some registrations: who of them would a plan take? */
void lwm2m_picks_walk(struct lwm2m_plans *p);
/** Look at one now. */
void lwm2m_picks_consider(struct lwm2m_plans *p, struct registration *r);
/** Compare the open attempts of the database with what is under way here. Not
 * under the lock. */
void lwm2m_picks_compare(struct lwm2m_plans *p);

/* ---- lwm2m_tries.c ------------------------------------------------------- */

unsigned lwm2m_tries_access(const struct lwm2m_plans *p,
                            const struct registration *r);
struct lwm2m_try *lwm2m_tries_find(const struct lwm2m_plans *p,
                                   const char *endpoint);
/** Ask the database for r. ask_first: read battery and signal before.
 * may_push: it could become a push. */
void lwm2m_tries_begin(struct lwm2m_plans *p, struct registration *r,
                       const struct module_view *module, bool ask_first,
                       bool may_push);
/** Give jobs to those that have an attempt. Not under the lock. */
void lwm2m_tries_run(struct lwm2m_plans *p);
void lwm2m_tries_free(struct lwm2m_plans *p);
/** One more push would be within the bound. */
bool lwm2m_tries_may_push(const struct lwm2m_plans *p);

/* ---- lwm2m_facts.c ------------------------------------------------------- */

/** The job of a run tells something, or asks to Execute. */
void lwm2m_facts_event(struct lwm2m_run *run);
void lwm2m_facts_ready(struct lwm2m_run *run);
/** Stop a run that is not ours any more: there is nothing to tell. */
void lwm2m_facts_drop(struct lwm2m_plans *p, struct lwm2m_run *run);
/** Stop a run whose plan does not run any more. */
void lwm2m_facts_stop(struct lwm2m_plans *p, struct lwm2m_run *run,
                      const char *cause);
/** Post what has to be on the disk. Not under the lock. */
void lwm2m_facts_post(struct lwm2m_plans *p);
struct lwm2m_run *lwm2m_facts_run_of(const struct lwm2m_plans *p,
                                     const char *attempt);
/** The words for the end of a job. state NULL: it is none, the attempt stays
 * open. */
void lwm2m_facts_words(const struct lwm2m_job *job, bool loaded,
                       const char **state, char cause[LED_CAUSE_ROOM]);
void lwm2m_facts_release(struct lwm2m_led *led);

#endif
