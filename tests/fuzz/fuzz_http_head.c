/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header lines of a server's answer, one a line; the first byte says
 * whether a part was asked for. What is remembered stays in its bounds.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "link/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct http_head *h)
{
    assert(h->content_len >= -1 && h->total >= -1);
    assert(memchr(h->etag, 0, sizeof h->etag));
    if (h->has_etag)
        assert(h->etag[0] == '"' && strlen(h->etag) >= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_head h;
    char *text, *line;
    bool part;

    if (len == 0)
        return 0;
    part = data[0] & 1;
    text = malloc(len);
    assert(text);
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    http_head_reset(&h);
    line = text;
    while (line) {
        char *next = strchr(line, '\n');

        if (next)
            *next++ = '\0';
        http_head_take(&h, line, part);
        check(&h);
        line = next;
    }
    free(text);
    return 0;
}
