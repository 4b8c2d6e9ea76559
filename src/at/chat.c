/* SPDX-License-Identifier: Apache-2.0 */
#include "at/chat.h"
#include "at/clock.h"
#include "at/text.h"
#include "base/err.h"

void dfota_chat_init(struct dfota_chat *chat, uint32_t now)
{
    chat->depth = 0;
    chat->busy = false;
    chat->ready_at = now;
}

void dfota_chat_expect(struct dfota_chat *chat, uint32_t ms, uint32_t now)
{
    chat->depth = 0;
    chat->busy = true;
    chat->deadline = now + ms;
}

void dfota_chat_send(struct dfota_chat *chat, const char *command, uint32_t ms,
                     uint32_t now)
{
    if (dfota_clock_passed(now, chat->ready_at))
        chat->ready_at = now;
    dfota_chat_expect(chat, ms, chat->ready_at);
    chat->at[0] = "AT\1\r";
    chat->at[1] = command;
    chat->depth = 1;
}

static void finish(struct dfota_chat *chat, uint8_t result, uint32_t now)
{
    dfota_chat_init(chat, now + DFOTA_CHAT_GAP_MS);
    chat->result = result;
}

void dfota_chat_cancel(struct dfota_chat *chat, uint32_t now)
{
    if (chat->busy)
        finish(chat, DFOTA_CHAT_TIMEOUT, now);
}

/* The frame's \1 is the command, the command's are the arguments. */
size_t dfota_chat_output(struct dfota_chat *chat, uint8_t *out, size_t room,
                         uint32_t now)
{
    size_t len = 0;

    if (!dfota_clock_passed(now, chat->ready_at))
        return 0;
    while (len < room && chat->depth) {
        const char **at = &chat->at[chat->depth - 1];
        uint8_t c = (uint8_t) * (*at)++;

        if (c > DFOTA_CHAT_ARGS) {
            out[len++] = c;
        } else if (!c) {
            chat->depth--;
        } else {
            if (chat->depth == 2)
                chat->at[2] = chat->args[c - 1];
            chat->depth++;
        }
    }
    return len;
}

/* Each its code. A beginning is enough: noise may follow. */
static const char finals[] = "\1CONNECT\0"
                             "\2ERROR\0"
                             "\2NO CARRIER\0"
                             "\10OK\0";

_Static_assert(DFOTA_CHAT_OK == 0 && DFOTA_CHAT_CONNECT == 1 &&
                   DFOTA_CHAT_ERROR == 2,
               "the codes in finals[], a bit more for the 0");

/* The final code that a line is; TIMEOUT: none. */
static uint8_t final_code(struct dfota_chat *chat, const char *text)
{
    const char *rest;

    for (const char *f = finals; *f; f += dfota_text_len(f) + 1) {
        if (dfota_text_after(text, f + 1))
            return *f & 7;
    }
    /* +CME ERROR: and +CMS ERROR:, a number or words */
    rest = dfota_text_past(dfota_text_after(text, "+CM"), " ERROR:");
    if (!rest)
        return DFOTA_CHAT_TIMEOUT;
    return dfota_text_int(rest, &chat->number) ? DFOTA_CHAT_NUMBER
                                               : DFOTA_CHAT_ERROR;
}

int dfota_chat_line(struct dfota_chat *chat, const char *text, uint32_t now)
{
    uint8_t result;

    if (!chat->busy || dfota_text_after(text, "AT"))
        return DFOTA_OK;
    result = final_code(chat, text);
    if (result == DFOTA_CHAT_TIMEOUT)
        return DFOTA_MORE;
    finish(chat, result, now);
    return DFOTA_DONE;
}

int dfota_chat_tick(struct dfota_chat *chat, uint32_t now)
{
    if (!chat->busy || !dfota_clock_passed(now, chat->deadline))
        return DFOTA_OK;
    finish(chat, DFOTA_CHAT_TIMEOUT, now);
    return DFOTA_DONE;
}
