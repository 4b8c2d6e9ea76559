/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/bootstrap.h"

#include <string.h>

#include "base/err.h"
#include "lwm2m/link_format.h"
#include "lwm2m/payload_writer.h"

static int send_step(struct bootstrap *b);

bool bootstrap_is_request(const struct coap_msg *m, char *endpoint, size_t room,
                          uint8_t *code)
{
    char path[COAP_PATH_MAX];
    const uint8_t *name;
    size_t len;

    coap_msg_path(m, path, sizeof path);
    if (strcmp(path, "/bs") != 0)
        return false;
    *code = 0;
    if (m->code != COAP_POST) {
        *code = COAP_NOT_ALLOWED;
    } else if (coap_msg_query(m, "ep", &name, &len) != 0 || len == 0 ||
               len >= room || memchr(name, '\0', len)) {
        *code = COAP_BAD_REQUEST;
    } else {
        memcpy(endpoint, name, len);
        endpoint[len] = '\0';
    }
    return true;
}

static void end(struct bootstrap *b, enum bootstrap_step step)
{
    b->failed_at = b->step;
    b->step = step;
    b->over(b->ctx, b);
}

/* The instance of object 0 that is the client's account with us, and must
 * not be written over: it has no ssid among its attributes. */
static void learn(struct bootstrap *b, const struct coap_msg *m)
{
    struct corelink_reader reader;
    struct corelink_item item;
    struct lwm2m_path path;
    /* 1.0 begins with lwm2m="1.0", which is no link. */
    const char *text = (const char *)m->payload;
    const char *first =
        m->payload_len ? memchr(text, '<', m->payload_len) : NULL;

    if (!first)
        return;
    corelink_reader_init(&reader, first,
                         m->payload_len - (size_t)(first - text));
    while (corelink_next(&reader, &item) == DFOTA_DONE)
        if (lwm2m_path_parse(item.target, item.target_len, &path) == 0 &&
            path.depth == LWM2M_DEPTH_INSTANCE && path.id[0] == 0) {
            struct corelink_attribute a;

            if (!corelink_find(&item, "ssid", &a))
                b->own_instance = path.id[1];
        }
}

/* Delete of what is not there is as good as done. */
static bool is_good(const struct bootstrap *b, uint8_t code)
{
    switch (b->step) {
    case BOOTSTRAP_DISCOVER:
        return true; /* optional in 1.0 */
    case BOOTSTRAP_DELETE_SECURITY:
    case BOOTSTRAP_DELETE_SERVER:
        return code == COAP_DELETED || code == COAP_NOT_FOUND;
    default:
        return code == COAP_CHANGED;
    }
}

static void on_reply(void *ctx, const struct coap_reply *r)
{
    struct bootstrap *b = ctx;
    bool answered = r->outcome == COAP_ANSWERED;

    b->request = 0;
    b->now = b->peer->now;
    b->code = answered ? r->m->code : 0;
    if (!answered || !is_good(b, b->code)) {
        end(b, BOOTSTRAP_FAILED);
        return;
    }
    if (b->step == BOOTSTRAP_DISCOVER && b->code == COAP_CONTENT)
        learn(b, r->m);
    if (b->step == BOOTSTRAP_FINISH) {
        end(b, BOOTSTRAP_DONE);
        return;
    }
    b->step++;
    if (send_step(b) != 0)
        end(b, BOOTSTRAP_FAILED);
}

static struct lwm2m_record record(unsigned object, unsigned instance,
                                  unsigned id, struct lwm2m_value v)
{
    return (struct lwm2m_record){
        .path = lwm2m_path_make(3, object, instance, id), .value = v};
}

static int write_security(struct bootstrap *b, unsigned instance,
                          struct buffer *out)
{
    const struct bootstrap_account *a = &b->account;
    struct lwm2m_path base = lwm2m_path_make(2, 0, instance, 0);
    struct lwm2m_record all[] = {
        record(0, instance, 0, lwm2m_text(a->uri)),
        record(0, instance, 1, lwm2m_boolean(false)),
        record(0, instance, 2, lwm2m_integer(a->mode)),
        record(0, instance, 3, lwm2m_bytes(a->identity, a->identity_len)),
        record(0, instance, 4, lwm2m_bytes(a->server_key, a->server_key_len)),
        record(0, instance, 5, lwm2m_bytes(a->secret, a->secret_len)),
        record(0, instance, 10, lwm2m_integer(a->short_id)),
        record(0, instance, 11, lwm2m_integer(0)),
    };

    return lwm2m_write(LWM2M_FORMAT_TLV, &base, all, sizeof all / sizeof all[0],
                       out);
}

static int write_server(struct bootstrap *b, struct buffer *out)
{
    const struct bootstrap_account *a = &b->account;
    struct lwm2m_path base = lwm2m_path_make(2, 1, 0, 0);
    struct lwm2m_record all[] = {
        record(1, 0, 0, lwm2m_integer(a->short_id)),
        record(1, 0, 1, lwm2m_integer(a->lifetime_s)),
        record(1, 0, 6, lwm2m_boolean(true)),
        record(1, 0, 7, lwm2m_text(a->binding)),
    };

    return lwm2m_write(LWM2M_FORMAT_TLV, &base, all, sizeof all / sizeof all[0],
                       out);
}

static int send_step(struct bootstrap *b)
{
    unsigned instance = b->own_instance == 0 ? 1 : 0;
    char security[] = "/0/0";
    uint8_t memory[64];
    struct coap_options o;
    struct coap_request r = {.reply = on_reply, .ctx = b};
    struct buffer out;
    int err = 0;

    buffer_init(&out, BOOTSTRAP_PAYLOAD_MAX);
    coap_options_init(&o, memory, sizeof memory);
    security[3] = (char)('0' + instance);
    r.code = COAP_PUT;
    switch (b->step) {
    case BOOTSTRAP_DISCOVER:
        r.code = COAP_GET;
        coap_options_add_uint(&o, COAP_ACCEPT, LWM2M_FORMAT_LINK);
        break;
    case BOOTSTRAP_DELETE_SECURITY:
    case BOOTSTRAP_DELETE_SERVER:
        r.code = COAP_DELETE;
        coap_options_add_path(&o, b->step == BOOTSTRAP_DELETE_SECURITY ? "/0"
                                                                       : "/1");
        break;
    case BOOTSTRAP_WRITE_SECURITY:
        coap_options_add_path(&o, security);
        coap_options_add_uint(&o, COAP_CONTENT_FORMAT, LWM2M_FORMAT_TLV);
        err = write_security(b, instance, &out);
        break;
    case BOOTSTRAP_WRITE_SERVER:
        coap_options_add_path(&o, "/1/0");
        coap_options_add_uint(&o, COAP_CONTENT_FORMAT, LWM2M_FORMAT_TLV);
        err = write_server(b, &out);
        break;
    default:
        r.code = COAP_POST;
        coap_options_add_path(&o, "/bs");
    }
    r.options = o.data;
    r.options_len = o.len;
    r.payload = out.len ? (const uint8_t *)out.data : NULL;
    r.payload_len = out.len;
    if (!err)
        err = coap_peer_request(b->peer, b->now, &r, &b->request);
    buffer_release(&out);
    return err;
}

int bootstrap_start(struct bootstrap *b, struct coap_peer *peer, uint64_t now,
                    const struct bootstrap_account *account,
                    void (*over)(void *ctx, struct bootstrap *b), void *ctx)
{
    *b = (struct bootstrap){.peer = peer,
                            .now = now,
                            .account = *account,
                            .own_instance = 0,
                            .over = over,
                            .ctx = ctx};
    return send_step(b);
}

void bootstrap_stop(struct bootstrap *b, uint64_t now)
{
    if (b->request)
        coap_peer_cancel(b->peer, now, b->request);
    b->request = 0;
}
