/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CoAP: the first byte says whether a datagram or a URL follows. Of a
 * datagram, what was parsed is written again to the same bytes, options come
 * in order and lie inside, and the same options added in another order make
 * the same wire form. Of a URL, what its options say is its path again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/coap_msg.h"
#include "link/coap_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { URL_MAX_LEN = 1024, MANY = 600 };

static bool inside(const struct coap_msg *m, const uint8_t *p, size_t len)
{
    return p >= m->options && len <= m->options_len &&
           p <= m->options + m->options_len - len;
}

/* Each number's options keep their order; the numbers come last first. */
static void add_backwards(const struct coap_msg *m)
{
    struct coap_option all[MANY];
    uint8_t room[COAP_DATAGRAM_MAX];
    struct coap_options o;
    struct coap_cursor c;
    size_t n = 0;

    coap_cursor_init(&c, m);
    while (n < MANY && coap_cursor_next(&c, &all[n]))
        n++;
    if (n == MANY)
        return;
    coap_options_init(&o, room, sizeof room);
    for (size_t end = n; end > 0;) {
        size_t first = end - 1;

        while (first > 0 && all[first - 1].number == all[first].number)
            first--;
        for (size_t i = first; i < end; i++)
            coap_options_add(&o, all[i].number, all[i].value, all[i].len);
        end = first;
    }
    if (o.err)
        return; /* a value longer than any RFC's */
    /* A length that was not written in its shortest form may shrink. */
    assert(o.len <= m->options_len);
}

static void walk(const struct coap_msg *m)
{
    struct coap_cursor c;
    struct coap_option o, first;
    uint16_t before = 0;
    uint32_t value;

    coap_cursor_init(&c, m);
    while (coap_cursor_next(&c, &o)) {
        assert(o.number >= before);
        assert(o.len == 0 || inside(m, o.value, o.len));
        assert(coap_msg_find(m, o.number, &first));
        if (o.number > before)
            assert(first.value == o.value && first.len == o.len);
        (void)coap_msg_uint(m, o.number, &value);
        before = o.number;
    }
}

static void take_message(const uint8_t *data, size_t len)
{
    static const uint16_t known[] = {COAP_URI_PATH, COAP_URI_QUERY, COAP_BLOCK1,
                                     COAP_BLOCK2};
    uint8_t again[COAP_DATAGRAM_MAX];
    char path[COAP_PATH_MAX];
    const uint8_t *value;
    struct coap_msg m;
    size_t n;
    int err = coap_msg_parse(&m, data, len);

    assert(err == 0 || err == DFOTA_E_PROTOCOL || err == DFOTA_E_SYNTAX);
    if (err)
        return;
    assert(m.token_len <= COAP_TOKEN_MAX);
    walk(&m);
    assert(coap_msg_write(&m, again, sizeof again, &n) == 0);
    assert(n == len && memcmp(again, data, len) == 0);
    assert(coap_msg_write(&m, again, len > 0 ? len - 1 : 0, &n) != 0);
    add_backwards(&m);
    (void)coap_msg_critical(&m, known, sizeof known / sizeof known[0]);
    if (coap_msg_path(&m, path, sizeof path) == 0)
        assert(path[0] == '/');
    if (coap_msg_query(&m, "ep", &value, &n) == 0)
        assert(n == 0 || inside(&m, value, n));
}

/* What a URL's options say when they are a message's. */
static void take_url(const uint8_t *data, size_t len)
{
    uint8_t room[COAP_OPTIONS_MAX], datagram[COAP_DATAGRAM_MAX];
    struct coap_msg m = {.code = COAP_GET}, back;
    char text[URL_MAX_LEN + 1];
    struct coap_options o;
    struct coap_url u;
    size_t n;

    if (len > URL_MAX_LEN)
        len = URL_MAX_LEN;
    memcpy(text, data, len);
    text[len] = '\0';
    if (coap_url_parse(&u, text) != 0)
        return;
    assert(u.port > 0 && u.host[0] != '\0');
    assert(u.path >= text && u.path <= text + strlen(text));
    coap_options_init(&o, room, sizeof room);
    if (coap_url_options(&u, &o) != 0)
        return;
    m.options = o.data;
    m.options_len = o.len;
    assert(coap_msg_write(&m, datagram, sizeof datagram, &n) == 0);
    assert(coap_msg_parse(&back, datagram, n) == 0);
    walk(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy;

    if (len < 2)
        return 0;
    copy = malloc(len - 1); /* no byte more, for the sanitizer */
    assert(copy);
    memcpy(copy, data + 1, len - 1);
    if (data[0] & 1)
        take_url(copy, len - 1);
    else
        take_message(copy, len - 1);
    free(copy);
    return 0;
}
