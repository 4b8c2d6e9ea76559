/* SPDX-License-Identifier: Apache-2.0 */
#include "at/chat.h"
#include "at/clock.h"
#include "at/text.h"
#include "base/err.h"

void dfota_chat_init(struct dfota_chat *chat, uint32_t now)
{
    chat->busy = false;
    chat->ready_at = now;
    chat->part = DFOTA_CHAT_PARTS + 2;
}

void dfota_chat_send(struct dfota_chat *chat, const char *const *parts,
                     uint32_t ms, uint32_t now)
{
    chat->parts[0] = "AT";
    for (size_t i = 0; i < DFOTA_CHAT_PARTS; i++)
        chat->parts[i + 1] = parts[i];
    chat->parts[DFOTA_CHAT_PARTS + 1] = "\r";
    chat->part = 0;
    chat->offset = 0;
    chat->busy = true;
    if (dfota_clock_passed(now, chat->ready_at))
        chat->ready_at = now;
    chat->deadline = chat->ready_at + ms;
}

void dfota_chat_expect(struct dfota_chat *chat, uint32_t ms, uint32_t now)
{
    chat->part = DFOTA_CHAT_PARTS + 2;
    chat->busy = true;
    chat->deadline = now + ms;
}

static void finish(struct dfota_chat *chat, uint8_t result, uint32_t now)
{
    chat->busy = false;
    chat->result = result;
    chat->ready_at = now + DFOTA_CHAT_GAP_MS;
    chat->part = DFOTA_CHAT_PARTS + 2;
}

void dfota_chat_cancel(struct dfota_chat *chat, uint32_t now)
{
    if (chat->busy)
        finish(chat, DFOTA_CHAT_TIMEOUT, now);
}

size_t dfota_chat_output(struct dfota_chat *chat, uint8_t *out, size_t room,
                         uint32_t now)
{
    size_t len = 0;

    if (!dfota_clock_passed(now, chat->ready_at))
        return 0;
    while (len < room && chat->part < DFOTA_CHAT_PARTS + 2) {
        char c = chat->parts[chat->part][chat->offset++];

        if (c) {
            out[len++] = (uint8_t)c;
        } else {
            chat->part++;
            chat->offset = 0;
        }
    }
    return len;
}

/* The number or the words of +CME ERROR: and +CMS ERROR: lines. */
static bool take_number(struct dfota_chat *chat, const char *text, uint32_t now)
{
    const char *rest = dfota_text_after(text, "+CM");

    if (!rest || !*rest)
        return false;
    rest = dfota_text_after(rest + 1, " ERROR:");
    if (!rest)
        return false;
    finish(chat,
           dfota_text_int(rest, &chat->number) ? DFOTA_CHAT_NUMBER
                                               : DFOTA_CHAT_ERROR,
           now);
    return true;
}

int dfota_chat_line(struct dfota_chat *chat, const char *text, uint32_t now)
{
    if (!chat->busy || dfota_text_after(text, "AT"))
        return DFOTA_OK;
    if (dfota_text_equal(text, "OK"))
        finish(chat, DFOTA_CHAT_OK, now);
    else if (dfota_text_equal(text, "ERROR") ||
             dfota_text_equal(text, "NO CARRIER"))
        finish(chat, DFOTA_CHAT_ERROR, now);
    else if (dfota_text_after(text, "CONNECT"))
        finish(chat, DFOTA_CHAT_CONNECT, now);
    else if (!take_number(chat, text, now))
        return DFOTA_MORE;
    return DFOTA_DONE;
}

int dfota_chat_tick(struct dfota_chat *chat, uint32_t now)
{
    if (!chat->busy || !dfota_clock_passed(now, chat->deadline))
        return DFOTA_OK;
    finish(chat, DFOTA_CHAT_TIMEOUT, now);
    return DFOTA_DONE;
}
