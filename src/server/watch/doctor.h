/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Is all well with this server? One check after the other, each with a
 * sentence that says what to do.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_WATCH_DOCTOR_H
#define DFOTA_SERVER_WATCH_DOCTOR_H

#include <jansson.h>

#include "server/depot/vault.h"
#include "server/fleet/node.h"

struct depot;
struct housekeeping;
struct tls;

/* Borrowed. NULL: there is none. */
struct doctor {
    const struct node *node;
    struct depot *depot;
    struct vault *vault;
    struct housekeeping *housekeeping;
    struct tls *tls;
};

/** What takes its time: do the public addresses lead back to this server, or
 * to another node of it? Some seconds at most. returns an array of {"check",
 * "fine", "what"}; NULL: no memory */
json_t *doctor_reach(const struct doctor *doctor);

/** Append the rest. */
void doctor_look(const struct doctor *doctor, struct sql *sql, int64_t tenant,
                 json_t *list);

enum { DOCTOR_PROOF_ROOM = 160 };

/**
 * What a node of this server answers on "p/doctor/<nonce>", in the field
 * Dfota-Proof: it takes the keys that all nodes share. Of no use as a
 * signature of anything else.
 *
 * errors   E_SYNTAX the nonce is none; those of token_sign_path()
 */
int doctor_prove(const struct node *node, const char *nonce,
                 char proof[DOCTOR_PROOF_ROOM]);

#define DOCTOR_PATH "p/doctor/"
#define DOCTOR_FIELD "Dfota-Proof"

#endif
