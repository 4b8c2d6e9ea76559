/* SPDX-License-Identifier: Apache-2.0 */
/**
 * People, their roles, and the tokens of their scripts.
 *
 * Layer: server. Roles, each with what those before it may: viewer sees;
 * operator makes, edits, pauses and aborts plans; approver approves what they
 * neither made nor last edited; admin keeps people, tokens and modules of the
 * tenant; site keeps the server.
 */
#ifndef DFOTA_SERVER_FLEET_PEOPLE_H
#define DFOTA_SERVER_FLEET_PEOPLE_H

#include "server/fleet/node.h"

enum role {
    ROLE_NONE,
    ROLE_VIEWER,
    ROLE_OPERATOR,
    ROLE_APPROVER,
    ROLE_ADMIN,
    ROLE_SITE
};

enum { PEOPLE_NAME_MAX = 64 };

/* By what somebody shows who they are. */
enum proof { PROOF_LOCAL, PROOF_TOKEN, PROOF_SESSION };

/* Who asks. */
struct actor {
    char name[PEOPLE_NAME_MAX + 1]; /* of the person */
    enum role role;
    int64_t tenant;
    int64_t person; /* 0: the machine's superuser or the server's user */
    enum proof proof;
    char hash[SECRETS_HEX_ROOM]; /* of the token, or of the session's word */
    int64_t expires;             /* 0: never */
};

/** ROLE_NONE: no such word. */
enum role people_role(const char *word);
const char *people_role_word(enum role role);

/** Add a person, in a transaction. hash: of people_hash_password(); NULL: no
 * password, tokens only.
 * errors: E_STATE the name is taken; those of sql_run() */
int people_add(const struct node *node, struct sql *sql, int64_t tenant,
               const char *by, const char *name, const char *role,
               const char *hash);

/** A person's password, hashed slowly: about 0.1 s, so never in the writer
 * nor in a thread that serves connections. errors: E_NOMEM */
int people_hash_password(const char *password, char out[128]);
/** hash "": takes as long, and is false. */
bool people_password_fits(const char *password, const char *hash);

/** Who holds this API token, or this session? hash: of what they showed.
 * errors: E_NOTFOUND nobody (any more); those of sql_query() */
int people_by_proof(struct sql *sql, enum proof proof, const char *hash,
                    int64_t now, struct actor *out);

/* A person of whatever tenant, as names are given once. */
struct person {
    int64_t id, tenant;
    enum role role;
    char password[128]; /* "": none */
};

/** errors: E_NOTFOUND; those of sql_query() */
int people_find(struct sql *sql, const char *name, struct person *out);

#endif
