/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the programs say on standard error: one line a message.
 *
 * Layer: os. Results go to standard output and never through here. Under
 * systemd (JOURNAL_STREAM set) lines carry the priority prefix <n> of
 * sd-daemon(3); else they begin with the program's name.
 */
#ifndef DFOTA_OS_LOG_H
#define DFOTA_OS_LOG_H

enum log_level {
    LOG_LEVEL_NONE = -1, /* not a word: for programs that fail on purpose */
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/** name: the program's, kept by pointer. Messages above level are dropped;
 * the level at the start is INFO. */
void log_init(const char *name, enum log_level level);

/** From now on numbers of 15 or 16 digits, which are IMEIs, have stars but for
 * the first eight (the kind of device) and the last two: a log is kept longer,
 * and read by more people, than the register of modules. */
void log_hide_imeis(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
