/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-Composite, Observe-Composite, Write-Composite (LwM2M 1.1 Core, 6.3):
 * FETCH and iPATCH of the root with SenML.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

/* Adds what a path has; what is not there is left out of the answer. */
static void read_path(struct lwm2m_client *c, const struct lwm2m_path *path,
                      struct reading *all)
{
    static const uint16_t readable[] = {1, 3, 5};

    if (path->depth > 0)
        objects_read(c, path, all);
    for (size_t i = 0; path->depth == 0 && i < 3; i++) {
        struct lwm2m_path object = lwm2m_path_make(1, readable[i], 0, 0);

        objects_read(c, &object, all);
    }
}

uint8_t composite_read(struct lwm2m_client *c,
                       const struct lwm2m_composite *what, unsigned format,
                       struct buffer *out)
{
    struct lwm2m_path root = lwm2m_path_make(0, 0, 0, 0);
    struct reading all = {.n = 0};
    int err;

    for (uint8_t i = 0; i < what->n; i++)
        read_path(c, &what->path[i], &all);
    err = lwm2m_write(format, &root, all.record, all.n, out);
    if (err == DFOTA_E_UNSUPPORTED)
        return COAP_NOT_ACCEPTABLE;
    return err ? COAP_SERVER_ERROR : COAP_CONTENT;
}

/* ---- requests ------------------------------------------------------------ */

static int on_path(void *ctx, const struct lwm2m_record *r)
{
    struct lwm2m_composite *what = ctx;

    if (what->n == LWM2M_COMPOSITE_MAX)
        return DFOTA_E_FULL;
    what->path[what->n++] = r->path;
    return 0;
}

static uint8_t fetch(struct lwm2m_client *c, const struct coap_ticket *ticket,
                     const struct coap_msg *m, unsigned format,
                     unsigned *accept, struct coap_options *more,
                     struct buffer *out)
{
    struct lwm2m_path root = lwm2m_path_make(0, 0, 0, 0);
    struct lwm2m_composite what = {.n = 0};
    struct lwm2m_sink sink = {.ctx = &what, .record = on_path};
    int err = lwm2m_read(format, &root, m->payload, m->payload_len, &sink);
    int observe = client_observe_of(m);
    uint32_t seq;
    uint8_t code;

    if (observe == 1)
        observe_end(c, ticket);
    if (err)
        return client_code_of(err);
    if (*accept == LWM2M_FORMAT_NONE)
        *accept = format;
    code = composite_read(c, &what, *accept, out);
    if (code == COAP_CONTENT && observe == 0 &&
        observe_begin(c, ticket, &root, &what, *accept, &seq))
        coap_options_add_uint(more, COAP_OBSERVE, seq);
    return code;
}

void client_composite(struct lwm2m_client *c, const struct coap_ticket *ticket,
                      const struct coap_msg *m, const struct lwm2m_path *path)
{
    uint32_t format = LWM2M_FORMAT_NONE, accept = LWM2M_FORMAT_NONE;
    uint8_t more_memory[8];
    struct coap_options more;
    struct coap_answer a = {.code = COAP_NOT_ALLOWED};
    struct buffer out;
    unsigned chosen;

    buffer_init(&out, 16384);
    coap_options_init(&more, more_memory, sizeof more_memory);
    coap_msg_uint(m, COAP_CONTENT_FORMAT, &format);
    coap_msg_uint(m, COAP_ACCEPT, &accept);
    chosen = accept;
    if (path->depth > 0 || !c->c.v11 || c->state == LWM2M_BOOTSTRAPPING)
        a.code = COAP_NOT_ALLOWED;
    else if (format != LWM2M_FORMAT_SENML_JSON &&
             format != LWM2M_FORMAT_SENML_CBOR)
        a.code = COAP_UNSUPPORTED_FORMAT;
    else if (m->code == COAP_IPATCH)
        a.code = client_apply(c, path, format, m->payload, m->payload_len);
    else
        a.code = fetch(c, ticket, m, format, &chosen, &more, &out);
    client_answer_read(c, ticket, m, &a, chosen, &more, &out);
    buffer_release(&out);
}
