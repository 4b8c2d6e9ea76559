/* SPDX-License-Identifier: Apache-2.0 */
/** What the shell sees of the main program. */
#ifndef DEMO_MAIN_H
#define DEMO_MAIN_H

#include <stddef.h>

#include "modem.h"

const struct modem *main_modem(void);

/** Send bytes to the module. */
void main_modem_send(const void *data, size_t len);

#endif
