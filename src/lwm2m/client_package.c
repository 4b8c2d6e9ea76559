/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes that may bring a package: /5/0/0, /5/0, and the URI, /5/0/1. Bytes
 * go from the block through the reader of the format to the flash; nothing
 * of them stays here.
 *
 * A body of no bytes, or of one NUL, is no package but the order to forget
 * one, so the machine hears of a package only when there is more.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

void client_package_end(struct lwm2m_client *c)
{
    if (c->reader_open)
        lwm2m_reader_release(&c->reader);
    c->reader_open = c->pushing = false;
    coap_body_init(&c->body, c->c.block_szx);
}

/* The first byte that makes it a package. */
static int begin(struct lwm2m_client *c)
{
    int err;

    /* The same push, begun again: the machine stays where it is. */
    if (!c->again || c->firmware.kept.state != FIRMWARE_DOWNLOADING) {
        err = c->firmware.kept.state == FIRMWARE_IDLE
                  ? c->firmware_ops->begin(c->ctx)
                  : 0;
        if (err == DFOTA_E_BUSY) {
            c->package_code = COAP_BAD_REQUEST;
            return DFOTA_E_CANCELLED;
        }
        c->package_code = firmware_event(&c->firmware, FIRMWARE_ON_PACKAGE);
        if (c->package_code != COAP_CONTINUE)
            return DFOTA_E_CANCELLED;
    } else {
        err = c->firmware_ops->begin(c->ctx);
    }
    c->pushing = true;
    if (err)
        c->package_code = firmware_event(&c->firmware, firmware_event_of(err));
    return err ? DFOTA_E_CANCELLED : 0;
}

static int store(struct lwm2m_client *c, const void *data, size_t len)
{
    int err = c->begun ? 0 : begin(c);

    c->begun = c->begun || !err;
    if (err)
        return err;
    err = c->firmware_ops->write(c->ctx, data, len);
    if (err)
        c->package_code = firmware_event(&c->firmware, firmware_event_of(err));
    return err ? DFOTA_E_CANCELLED : 0;
}

static int on_last(struct lwm2m_client *c)
{
    if (!c->begun) {
        c->package_code = firmware_event(&c->firmware, FIRMWARE_ON_RESET);
        return c->package_code == COAP_CHANGED ? 0 : DFOTA_E_CANCELLED;
    }
    firmware_finish(&c->firmware);
    return 0;
}

static int on_chunk(void *ctx, const void *data, size_t len, bool last)
{
    struct lwm2m_client *c = ctx;
    int err = 0;

    if (len == 0)
        return last ? on_last(c) : 0;
    if (c->body_len == 0 && len == 1 && *(const char *)data == '\0') {
        c->only_nul = true;
    } else {
        if (c->only_nul)
            err = store(c, "", 1);
        c->only_nul = false;
        if (!err)
            err = store(c, data, len);
    }
    c->body_len += (uint32_t)len;
    return err;
}

/* Another resource of the instance, or a package that is text. */
static int on_record(void *ctx, const struct lwm2m_record *r)
{
    struct lwm2m_client *c = ctx;

    c->package_code = objects_write(c, r, false, true);
    return c->package_code == COAP_CHANGED ? 0 : DFOTA_E_CANCELLED;
}

/* A body begins. returns 0, or the code that refuses it */
static uint8_t open_reader(struct lwm2m_client *c,
                           const struct lwm2m_path *path, unsigned format)
{
    struct lwm2m_sink sink = {.ctx = c,
                              .record = on_record,
                              .chunk = on_chunk,
                              .stream = lwm2m_path_make(3, 5, 0, 0)};
    int err;

    if (c->reader_open)
        lwm2m_reader_release(&c->reader);
    c->begun = c->only_nul = false;
    c->body_len = 0;
    c->package_code = 0;
    err = lwm2m_reader_init(&c->reader, format, path, &sink);
    c->reader_open = err == 0;
    c->package_path = *path;
    if (!err)
        return 0;
    return err == DFOTA_E_UNSUPPORTED ? COAP_UNSUPPORTED_FORMAT
                                      : COAP_BAD_REQUEST;
}

/* The body has failed. returns the code of the answer */
static uint8_t fail(struct lwm2m_client *c, int err)
{
    uint8_t code = c->package_code;

    /* A wrapper that cannot be read spoils what was stored of it. */
    if (err != DFOTA_E_CANCELLED) {
        code = err == DFOTA_E_FULL ? COAP_TOO_LARGE : COAP_BAD_REQUEST;
        if (c->begun && c->firmware.kept.state == FIRMWARE_DOWNLOADING)
            firmware_event(&c->firmware, FIRMWARE_ON_INTEGRITY);
    }
    client_package_end(c);
    return code;
}

static uint8_t take_part(struct lwm2m_client *c, const struct coap_part *part,
                         bool whole)
{
    int err = lwm2m_reader_feed(&c->reader, part->data, part->len);

    if (!err && whole)
        err = lwm2m_reader_finish(&c->reader);
    c->block_ms = c->now;
    c->may_restart = false;
    if (err)
        return fail(c, err);
    if (!whole)
        return COAP_CONTINUE;
    client_package_end(c);
    return COAP_CHANGED;
}

/* A push is under way: it was begun, and neither reset nor cancelled. */
static bool is_coming_in(const struct lwm2m_client *c)
{
    return c->pushing && c->firmware.kept.state == FIRMWARE_DOWNLOADING;
}

/* A push that broke off may start again at block 0: after an answer that
 * ended it, on another connection, or when a block was long in coming. */
static bool may_start_again(const struct lwm2m_client *c)
{
    return is_coming_in(c) &&
           (c->may_restart || c->now - c->block_ms >= c->params->response_ms);
}

/* A push is under way and this block 0 is not it starting again: another
 * package, which must wait for a reset (small bodies may be one). */
static bool is_intruder(const struct lwm2m_client *c, const struct coap_msg *m)
{
    enum { RESET_MAX = 32 };
    struct coap_block b = {0};

    if (!is_coming_in(c) || may_start_again(c))
        return false;
    coap_block_find(m, COAP_BLOCK1, &b);
    return b.num == 0 && (b.more || m->payload_len > RESET_MAX);
}

/* In base64 a package would have to be kept whole, and grow by a third: those
 * formats only reset, and that fits into a message. */
static bool carries_no_package(const struct lwm2m_path *path, unsigned format)
{
    return path->depth == LWM2M_DEPTH_RESOURCE &&
           (format == LWM2M_FORMAT_TEXT || format == LWM2M_FORMAT_JSON ||
            format == LWM2M_FORMAT_SENML_JSON);
}

void client_package(struct lwm2m_client *c, const struct coap_ticket *ticket,
                    const struct coap_msg *m, const struct lwm2m_path *path,
                    unsigned format)
{
    struct coap_part part;
    enum coap_taken taken;

    if (is_intruder(c, m)) {
        client_answer(c, ticket, COAP_BAD_REQUEST);
        return;
    }
    taken = coap_body_take(&c->body, m, c->c.package_max, &part);
    if (taken != COAP_BODY_REFUSED && part.off == 0) {
        uint8_t code;

        c->again = may_start_again(c);
        code = open_reader(c, path, format);
        if (taken == COAP_BODY_MORE && carries_no_package(path, format))
            code = COAP_UNSUPPORTED_FORMAT;
        if (code) {
            client_package_end(c);
            client_answer(c, ticket, code);
            return;
        }
    } else if (taken != COAP_BODY_REFUSED &&
               (!c->reader_open || (c->begun && !is_coming_in(c)) ||
                !lwm2m_path_equal(path, &c->package_path))) {
        part.code = COAP_INCOMPLETE;
        taken = COAP_BODY_REFUSED;
    }
    if (taken == COAP_BODY_REFUSED)
        c->may_restart = true;
    else
        part.code = take_part(c, &part, taken == COAP_BODY_WHOLE);
    if (part.code == COAP_TOO_LARGE && c->firmware.kept.state == FIRMWARE_IDLE)
        firmware_event(&c->firmware, FIRMWARE_ON_TOO_LARGE);
    coap_part_settle(&part);
    client_answer_with(c, ticket, part.code, part.options, part.options_len);
}
