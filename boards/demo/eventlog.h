/* SPDX-License-Identifier: Apache-2.0 */
/** The last events, kept in memory for the shell's command "log". */
#ifndef DEMO_EVENTLOG_H
#define DEMO_EVENTLOG_H

#include <stdint.h>

enum event_level {
    EVENT_DEBUG,
    EVENT_INFO,
    EVENT_WARNING,
    EVENT_ERROR,
};

/** Events below this level are dropped. */
void eventlog_level(enum event_level least);

__attribute__((format(printf, 3, 4))) void
eventlog(enum event_level level, uint32_t now_ms, const char *format, ...);

/** Print the events, oldest first. */
void eventlog_print(void);

/** How many were recorded at a level since the start. */
uint32_t eventlog_count(enum event_level level);

#endif
