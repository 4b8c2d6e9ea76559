/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger writes into a request: the Range, the target, an entity
 * tag list, a header field. First 8 bytes: the size of the representation.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/delivery/etag.h"
#include "server/delivery/range.h"
#include "server/http/head_check.h"
#include "server/http/url_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_range(const char *text, uint64_t size)
{
    struct range range = {0};

    switch (range_parse(text, size, &range)) {
    case RANGE_PART:
        assert(range.len > 0 && range.first < size);
        assert(range.len <= size - range.first);
        break;
    case RANGE_WHOLE:
    case RANGE_UNSATISFIABLE:
        assert(range.first == 0 && range.len == 0);
        break;
    }
}

static void try_path(const char *text, size_t len)
{
    char *path = malloc(len + 1);

    if (path && url_path_decode(text, path, len + 1) == 0) {
        assert(path[0] != '/' && path[0] != '.' && path[0] != '\0');
        assert(!strstr(path, "/.") && !strstr(path, "//"));
        assert(path[strlen(path) - 1] != '/');
    }
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct head_check check = {0};
    uint64_t size = 0;
    char *text;

    if (len < sizeof size)
        return 0;
    memcpy(&size, data, sizeof size);
    len -= sizeof size;
    text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, data + sizeof size, len);
    text[len] = '\0';
    try_range(text, size);
    try_path(text, len);
    etag_in_list(text, "\"tag\"", (size & 1) != 0);
    head_check_add(&check, text, len / 2, text + len / 2, len - len / 2);
    head_check_refusal(&check, (size & 1) != 0);
    free(text);
    return 0;
}
