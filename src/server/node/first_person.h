/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The first account: "admin", with a random password.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_NODE_FIRST_PERSON_H
#define DFOTA_SERVER_NODE_FIRST_PERSON_H

#include "server/fleet/node.h"

#define FIRST_PERSON "admin"

/**
 * Make it where nobody has an account yet. The password is told on the
 * terminal, or is in the data folder's file admin-password, mode 0600, where
 * standard output is none: a journal would keep it.
 *
 * errors   those of the store, E_IO; said in the log
 */
int first_person_make(struct node *node);

/** They logged in: the file is not needed any more. */
void first_person_forget(const struct node *node);

/** Did they, at another node? Then forget, too. Cheap when there is no file. */
void first_person_check(const struct node *node);

#endif
