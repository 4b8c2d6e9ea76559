/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One call of the interface for people and scripts, /api/v1.
 *
 * Layer: server. A handler works on a connection to the database and leaves
 * an answer: for reading calls on a reader's, at once; for the others in the
 * writer's transaction, answered after COMMIT. It may run again, so it makes
 * nothing outside of the database; what does (files, slow hashes) is the
 * prepare of its route, which runs once, before.
 */
#ifndef DFOTA_SERVER_API_API_CALL_H
#define DFOTA_SERVER_API_API_CALL_H

#include <jansson.h>

#include "server/api/workers.h"
#include "server/depot/vault.h"
#include "server/device_api/delays.h"
#include "server/fleet/people.h"
#include "server/fleet/upkeep.h"
#include "server/http/http.h"

enum { API_LIMIT_MAX = 1000 }; /* rows of a page */
enum { API_PARTS_MAX = 4, API_UPLOAD_MAX = VAULT_CONTENT_MAX };

struct depot;
struct housekeeping;
struct tls;
struct lwm2m_service;
struct courier;
struct streams;

struct api {
    struct node *node;
    struct vault *vault;
    struct depot *depot; /* to be woken when packages wait */
    struct upkeep *upkeep;
    struct lwm2m_service *lwm2m; /* NULL: no --lwm2m */
    struct housekeeping *housekeeping;
    struct tls *tls;          /* NULL: no certificate */
    int (*reload)(void *ctx); /* as server_reload() */
    void *reload_ctx;
    struct workers *workers;
    struct delays *delays;
    struct streams *streams;
    struct courier *courier;
    bool webhooks_local; /* their receivers may be on this machine */
    bool local;          /* the socket on this machine: its owner is "site" */
};

struct api_call {
    struct job job;
    struct api *api;
    const struct api_route *route;
    const struct http_request *request; /* until the answer is given */
    struct http_later *later;
    struct actor actor;
    char *path;                       /* of parts */
    const char *parts[API_PARTS_MAX]; /* behind the route's fixed words */
    unsigned n_parts;
    json_t *body; /* NULL: none */
    struct work work;
    char seed[SECRETS_WORD_ROOM]; /* random; of the secrets made here */
    /* What prepare leaves to run. */
    char text[192];
    int64_t number;
    /* The answer. */
    unsigned status;
    json_t *answer;
    struct MHD_Response *response; /* instead of answer; NULL: none */
    char cookie[160];              /* Set-Cookie; "": none */
    bool waits;                    /* guessed too often: DELAYS_WAIT_S later */
    int64_t etag;                  /* 0: none */
};

/* How a route is run. */
enum {
    API_READS = 0,
    API_WRITES = 1,  /* in the writer's transaction, answered after COMMIT */
    API_SLOW = 2,    /* its prepare takes long, or a run that only reads:
                        by a worker */
    API_ANYBODY = 4, /* without a token or session */
    API_NO_KEY = 8,  /* Idempotency-Key has no meaning */
    API_SECRET = 16  /* its answer may have api_secret() in it */
};

struct api_route {
    enum http_method method;
    const char *path; /* "plans/{}/approve"; {} is any part */
    enum role role;   /* at least */
    unsigned how;     /* API_WRITES and so on */
    int (*run)(struct api_call *call, struct sql *sql);
    int (*prepare)(struct api_call *call); /* NULL: nothing */
};

/** The tables, one after the other; NULL: no more. */
const struct api_route *api_table(unsigned i);

/**
 * A secret of this call. With an Idempotency-Key a repetition makes the same
 * again, so it need not be kept.
 *
 * which    of the call's secrets
 */
void api_secret(const struct api_call *call, const char *which,
                char out[SECRETS_WORD_ROOM]);

/** Who asks? errors: E_CANCELLED refused; those of the store */
int api_authorise(struct api_call *call);

/** Was this request answered before? errors: E_CANCELLED: the answer is
 * there, or the key is none */
int api_once_look(struct api_call *call);

/** The route's run in the writer's transaction, once for each key. */
int api_once_run(struct api_call *call, struct sql *sql);

/** Put the secrets into an answer. */
void api_once_fill(const struct api_call *call, json_t *json);

/** What stands for it in an answer of an API_SECRET route: prefix and secret
 * are put there on the way out. */
json_t *api_secret_place(const char *prefix, const char *which);

/** Answer. json: taken over. returns 0 */
int api_answer(struct api_call *call, unsigned status, json_t *json);

/** Refuse in a sentence: nothing is kept of what run wrote. returns
 * E_CANCELLED, for run and prepare to return */
int api_refuse(struct api_call *call, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A text of the body, 1 to max bytes without control characters. NULL: it is
 * not there or another; then it was refused, unless it may be missing. */
const char *api_text(struct api_call *call, const char *name, size_t max,
                     bool may_be_missing);

/** A part of the path or a query argument as a number. false: it is none */
bool api_number(const char *text, int64_t *out);

/** Fields of the body that are none of names (ended by NULL) are refused.
 * returns 0 or E_CANCELLED */
int api_only(struct api_call *call, const char *const *names);

/**
 * Rows as objects.
 *
 * columns  "id:i name:s at:t on:b": number, text, moment, boolean; j: JSON
 *          text, taken as it is; l: ",a,b," as a list
 * out      an array; owned by the caller
 */
int api_rows(struct sql *sql, const char *columns, json_t **out,
             const char *text, const struct sql_arg *args, size_t n_args);

/** The same as the answer, in pages: {"items": [..], "next": "cursor"}. The
 * text ends in a LIMIT of api_limit() + 1, and the first column is what the
 * cursor goes by. */
int api_page(struct api_call *call, struct sql *sql, const char *columns,
             const char *text, const struct sql_arg *args, size_t n_args);

/** One row as the answer. none: the sentence when it is not there (404) */
int api_one(struct api_call *call, struct sql *sql, const char *columns,
            unsigned status, const char *none, const char *text,
            const struct sql_arg *args, size_t n_args);

int64_t api_limit(const struct api_call *call);
int64_t api_cursor(const struct api_call *call, int64_t first);

/** A query argument; "" when it is not there. */
const char *api_query(const struct api_call *call, const char *name);

/** Two people who edit one thing: the second sees that it changed. If-Match
 * has to name its edition, or be "*". errors: E_CANCELLED: 428, 412 */
int api_check_edition(struct api_call *call, const char *what, int64_t edition);

/** An entry of the audit log: "plan.approve", "plan:12". */
int api_audit(struct api_call *call, struct sql *sql, const char *action,
              const char *object, const char *detail);

/** Has the audit log every head that was told? errors: E_CANCELLED refused;
 * those of the database */
int api_check_heads(struct api_call *call, struct sql *sql);

/** Others read it again, and we. */
int api_changed(struct api_call *call, struct sql *sql, const char *kind,
                int64_t object);

static inline int64_t api_now(const struct api_call *call)
{
    return clock_wall(call->api->node->clock);
}

/* The tables of routes, one a subject, each ended by a path of NULL. */
extern const struct api_route api_firmware_routes[], api_package_routes[],
    api_module_routes[], api_plan_routes[], api_result_routes[],
    api_people_routes[], api_system_routes[], api_lwm2m_routes[],
    api_session_routes[], api_tenant_routes[], api_event_routes[],
    api_webhook_routes[], api_view_routes[], api_export_routes[],
    api_import_routes[];

#endif
