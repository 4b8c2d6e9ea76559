/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of a test to the world's client, by way of its server. */
#include <string.h>

#include "lwm2m_world.h"

struct asked {
    bool answered;
    uint8_t code;
    char *out;
    size_t room, len;
    uint32_t format;
};

static struct asked asked;

size_t world_answer_len(void)
{
    return asked.len;
}

unsigned world_answer_format(void)
{
    return asked.format;
}

static void on_answer(void *ctx, struct registration *r, uint8_t code,
                      const struct coap_msg *m)
{
    struct asked *a = ctx;

    (void)r;
    a->answered = true;
    a->code = code;
    a->format = LWM2M_FORMAT_NONE;
    if (m)
        (void)coap_msg_uint(m, COAP_CONTENT_FORMAT, &a->format);
    a->len = m ? m->payload_len : 0;
    if (a->out && m && m->payload_len < a->room) {
        if (m->payload_len)
            memcpy(a->out, m->payload, m->payload_len);
        a->out[m->payload_len] = '\0';
    }
}

static bool is_answered(const struct world *w)
{
    (void)w;
    return asked.answered;
}

uint8_t world_ask(struct world *w, const struct registration_question *q,
                  char *out, size_t room)
{
    struct registration_question mine = *q;

    asked = (struct asked){.out = out, .room = room};
    if (out)
        out[0] = '\0';
    mine.answer = on_answer;
    mine.ctx = &asked;
    if (registration_ask(&w->registrar, w->now, world_registration(w), &mine))
        return 0;
    world_until(w, 200000, is_answered);
    return asked.code;
}

uint8_t world_do(struct world *w, uint8_t code, const char *path,
                 const char *text, char *out, size_t room)
{
    struct registration_question q = registration_question(code, path);

    if (text) {
        q.format = LWM2M_FORMAT_TEXT;
        q.payload = text;
        q.payload_len = strlen(text);
    }
    return world_ask(w, &q, out, room);
}
