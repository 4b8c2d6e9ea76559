/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The kinds of step that families make their scripts of.
 *
 * Layer: at (freestanding); for families/<name>.c. A script ends with
 * dfota_step_trigger. A step is a state function of the session: it is called
 * when it begins, with each line of information, with the final code, and
 * when its timer rings; then it goes on to the next.
 */
#ifndef DFOTA_AT_STEP_H
#define DFOTA_AT_STEP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dfota_session;

/** Unless the caller named the family: one that answers OK is not BG96 but
 * bg96-softbank, if that is among the session's families. */
void dfota_step_softbank(struct dfota_session *session, uint8_t why);

/** Until a +C..REG: says 1 or 5, for --timeout-start. */
void dfota_step_network(struct dfota_session *session, uint8_t why);

/** Whatever it answers: what it prepares shows later. */
void dfota_step_try(struct dfota_session *session, uint8_t why);

/** The same for a command that may take --timeout-start. */
void dfota_step_long(struct dfota_session *session, uint8_t why);

/** AT+IPR?: 0 means that the rate adapts, and is 115200 after a reset. */
void dfota_step_rate(struct dfota_session *session, uint8_t why);

/** With an APN: which one has it? When it is this one the next step is left
 * out; else it keeps the IP type. */
void dfota_step_ip_type(struct dfota_session *session, uint8_t why);

/** With an APN: must be OK. */
void dfota_step_apn(struct dfota_session *session, uint8_t why);

/** With an APN: is refused while the APN is in use. */
void dfota_step_apn_try(struct dfota_session *session, uint8_t why);

/** CONNECT, the package, <size>,<sum>. Once more if it arrived damaged. */
void dfota_step_upload(struct dfota_session *session, uint8_t why);

/** Starts the update. */
void dfota_step_trigger(struct dfota_session *session, uint8_t why);

#ifdef __cplusplus
}
#endif

#endif
