/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog.h"

#include <stdarg.h>
#include <stdio.h>

#define EVENTS 32u
#define TEXT_MAX 72

static struct {
    uint32_t ms;
    enum event_level level;
    char text[TEXT_MAX];
} events[EVENTS];
static uint32_t total, counts[4];
static enum event_level least_level = EVENT_INFO;

void eventlog_level(enum event_level least)
{
    least_level = least;
}

static void record(enum event_level level, uint32_t now_ms, const char *format,
                   va_list args)
{
    uint32_t at = total++ % EVENTS;

    events[at].ms = now_ms;
    events[at].level = level;
    /* clang 14 does not see the caller's va_start(). */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(events[at].text, TEXT_MAX, format, args);
}

void eventlog(enum event_level level, uint32_t now_ms, const char *format, ...)
{
    va_list args;

    counts[level]++;
    if (level < least_level)
        return;
    va_start(args, format);
    record(level, now_ms, format, args);
    va_end(args);
}

void eventlog_print(void)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    uint32_t from = total > EVENTS ? total - EVENTS : 0;

    for (; from < total; from++) {
        uint32_t at = from % EVENTS;

        printf("%6lu.%03lu %-7s %s\n", (unsigned long)events[at].ms / 1000,
               (unsigned long)events[at].ms % 1000, names[events[at].level],
               events[at].text);
    }
}

uint32_t eventlog_count(enum event_level level)
{
    return counts[level];
}
