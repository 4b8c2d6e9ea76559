/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The folder that --serve-dir delivers: opening a file in it, and never one
 * outside.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DELIVERY_FOLDER_H
#define DFOTA_SERVER_DELIVERY_FOLDER_H

/**
 * Open the folder itself.
 *
 * fd       out: owned by the caller
 * errors   E_IO (errno)
 */
int folder_open(const char *path, int *fd);

/**
 * Open a regular file below the folder, for reading.
 *
 * path     from url_path_decode()
 * fd       out: owned by the caller
 * errors   E_NOTFOUND not there, not a regular file, not readable, or behind
 *          a symbolic link that leads out of the folder; E_IO (errno) when
 *          the machine is at fault (no descriptors left)
 */
int folder_open_file(int folder, const char *path, int *fd);

#endif
