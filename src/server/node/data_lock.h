/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One process at a time works on a data folder.
 *
 * Layer: server. The lock is the kernel's and goes with the process.
 */
#ifndef DFOTA_SERVER_NODE_DATA_LOCK_H
#define DFOTA_SERVER_NODE_DATA_LOCK_H

/** Take it, making the folder when it is missing. errors: E_BUSY another has
 * it, E_IO; said in the log */
int data_lock_take(const char *folder, int *lock);

/** -1 is harmless. */
void data_lock_release(int lock);

#endif
