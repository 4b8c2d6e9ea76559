/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A certificate of one's own for the first start.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_HTTP_SELFSIGNED_H
#define DFOTA_SERVER_HTTP_SELFSIGNED_H

/**
 * Make an ECDSA P-256 key and a self-signed certificate for localhost,
 * 127.0.0.1 and ::1, unless both files are there.
 *
 * The files are as private as the umask says; the caller sets it.
 *
 * errors   E_IO, E_NOMEM; said in the log
 */
int selfsigned_provide(const char *cert_path, const char *key_path);

#endif
