/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The chat: one AT command in flight, its time-out, its final code.
 *
 * Layer: at (freestanding). Does no I/O: output() hands out the command's
 * bytes, line() is shown every line that came, tick() is told the time.
 * After a final code 100 ms pass before the next command, as every family's
 * manual asks. URCs are the caller's: it looks for them before line().
 *
 * A command is a text without "AT" and CR in which the bytes \1 to \4 stand
 * for the chat's arguments, so that families write theirs as they are.
 */
#ifndef DFOTA_AT_CHAT_H
#define DFOTA_AT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_CHAT_GAP_MS 100
#define DFOTA_CHAT_ARGS 4

enum dfota_chat_result {
    DFOTA_CHAT_OK,
    DFOTA_CHAT_CONNECT, /* data mode: raw bytes may follow */
    DFOTA_CHAT_ERROR,   /* ERROR, NO CARRIER, or words after CME ERROR */
    DFOTA_CHAT_NUMBER,  /* +CME ERROR: or +CMS ERROR: with a number */
    DFOTA_CHAT_TIMEOUT
};

struct dfota_chat {
    uint8_t depth;     /* of at[], 0: nothing goes out */
    uint8_t result;    /* enum dfota_chat_result, after DFOTA_DONE */
    bool busy;         /* a final code is awaited */
    const char *at[3]; /* what goes out next: frame, command, argument */
    uint32_t ready_at; /* no command goes out before */
    uint32_t deadline;
    int32_t number;                    /* of DFOTA_CHAT_NUMBER */
    const char *args[DFOTA_CHAT_ARGS]; /* the caller's; borrowed */
};

/** Begin; args[] are the caller's to set, at any time. */
void dfota_chat_init(struct dfota_chat *chat, uint32_t now);

/**
 * Begin a command: "AT", the command, CR.
 *
 * command  borrowed until it is out, its arguments too
 * ms       time-out, counted from when the first byte may go out
 */
void dfota_chat_send(struct dfota_chat *chat, const char *command, uint32_t ms,
                     uint32_t now);

/** Wait for a final code without sending: the end of data mode. */
void dfota_chat_expect(struct dfota_chat *chat, uint32_t ms, uint32_t now);

/** Forget the command in flight; its late answer will be no answer. */
void dfota_chat_cancel(struct dfota_chat *chat, uint32_t now);

/** Bytes to send, at most room; 0 when there are none yet. */
size_t dfota_chat_output(struct dfota_chat *chat, uint8_t *out, size_t room,
                         uint32_t now);

/**
 * Show a line that is no URC.
 *
 * returns  DFOTA_DONE a final code, see result | DFOTA_MORE a line of
 *          information | DFOTA_OK nothing: an echo, or no command is in
 *          flight
 */
int dfota_chat_line(struct dfota_chat *chat, const char *text, uint32_t now);

/** returns DFOTA_DONE when the command just ran out of time, else DFOTA_OK */
int dfota_chat_tick(struct dfota_chat *chat, uint32_t now);

#ifdef __cplusplus
}
#endif

#endif
