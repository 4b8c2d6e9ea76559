/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The control line: what happens to the module from outside, one request a
 * line, one line back: "OK", "ERROR <why>", or the JSON of `state`.
 *
 * Layer: modem.
 */
#ifndef DFOTA_MODEM_CONTROL_H
#define DFOTA_MODEM_CONTROL_H

#include "modem/modem.h"
#include "os/buffer.h"

struct control;

/** Listen at a path. errors: E_ARG, E_IO, E_NOMEM; all said */
int control_open(struct control **out, struct module *m, const char *path);
void control_close(struct control *c);

/** Run one request; answer: out, appended without line end. */
void control_run(struct module *m, const char *line, struct buffer *answer);

/** The name of verb i. NULL: there are no more. */
const char *control_verb(unsigned i);

#endif
