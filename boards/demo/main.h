/* SPDX-License-Identifier: Apache-2.0 */
/** What the shell sees of the main program. */
#ifndef DEMO_MAIN_H
#define DEMO_MAIN_H

#include "modem.h"

const struct modem *main_modem(void);

#endif
