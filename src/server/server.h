/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A running dfotad: its listeners and what stands behind them.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_SERVER_H
#define DFOTA_SERVER_SERVER_H

#include "server/config/options.h"
#include "server/node/node_life.h"

struct server;

/**
 * Open everything that the options name. Each listener is told on standard
 * output once it accepts connections.
 *
 * out      also on an error, for server_stop()
 * errors   E_SYNTAX an address that is none; others; all said in the log
 */
int server_start(const struct options *options, struct server **out);

/** Whoever waits for an answer gets it; then all ends. NULL is harmless. */
void server_stop(struct server *server);

/**
 * Read certificates, keys, and what else may change under way, again. What
 * cannot be read stays as it was, and is said in the log; running downloads
 * keep what they began with. Safe from any thread.
 *
 * errors   the first one
 */
int server_reload(struct server *server);

/** End connections that are over their time: about once a second. */
void server_sweep(struct server *server, int64_t now_ms);

/** What of the options a node's data hangs on. */
struct node_config server_node_config(const struct options *options);

#endif
