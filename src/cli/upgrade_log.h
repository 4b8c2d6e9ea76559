/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The transcript of an upgrade: all that its session was given and said, so
 * that `dfota replay` can run it again.
 *
 * Layer: cli. Lines of text:
 *
 *   # dfota upgrade 1         first line: format and its version
 *   # url https://..          what the session was told: model, url, apn,
 *                             to-version, package (bytes), timeout NAME MS,
 *                             usb, flow-control, record (a resumed state)
 *   1203 > ATI\x0d            milliseconds since the start, bytes sent
 *   1210 < \x0d\x0aOK\x0d\x0a ... and received
 *   9000 ! lost               the port went
 *   9800 ! back               and came back
 *
 * Printable ASCII stands for itself, a backslash is doubled, all else is \x
 * and two digits.
 */
#ifndef DFOTA_CLI_UPGRADE_LOG_H
#define DFOTA_CLI_UPGRADE_LOG_H

#include "at/session.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define UPGRADE_LOG_HEAD "# dfota upgrade 1"

struct upgrade_log {
    FILE *out; /* NULL: none is kept */
    uint32_t began_ms;
};

/** Write what the session was told. record: what it resumed, or NULL. */
void upgrade_log_head(const struct upgrade_log *log,
                      const struct dfota_session_config *config,
                      const struct dfota_at_record *record);

/** Bytes of the port; dir is '>' for sent, '<' for received. */
void upgrade_log_bytes(const struct upgrade_log *log, char dir,
                       const uint8_t *data, size_t len, uint32_t now_ms);

/** The port went, or came back. */
void upgrade_log_port(const struct upgrade_log *log, bool back,
                      uint32_t now_ms);

#endif
