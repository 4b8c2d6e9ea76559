/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What this machine allows.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_NODE_MACHINE_H
#define DFOTA_SERVER_NODE_MACHINE_H

/** As many connections as descriptors allow, after taking all of them. */
unsigned machine_connections(void);

/** Threads for a listener: one a processor, 2 to 16. */
unsigned machine_threads(void);

#endif
