/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetch one resource by the link that a module's downloads use:
 *
 *   coap_fetch [-b BLOCK_SIZE] [-p PSK_FILE] [-c CA] [-k CERT KEY] URL FILE
 *
 * The times are RFC 7252's. Standard output: milliseconds that it took.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "link/link.h"

struct fetch {
    FILE *file;
    int status;
    bool whole;
};

static int on_event(void *ctx, const struct link_event *e)
{
    struct fetch *f = ctx;

    switch (e->kind) {
    case LINK_HEAD:
        f->status = e->status;
        rewind(f->file);
        return e->status != 200;
    case LINK_DATA:
        return fwrite(e->data, 1, e->len, f->file) != e->len;
    case LINK_END:
        f->whole = true;
        return 0;
    default:
        fprintf(stderr, "coap_fetch: %s\n", e->text);
        return 0;
    }
}

/* returns the number of arguments taken, 0 at the first that is no option */
static int take(struct link_request *r, char **argv)
{
    if (strcmp(argv[0], "-b") == 0)
        r->block_size = (uint16_t)strtoul(argv[1], NULL, 10);
    else if (strcmp(argv[0], "-p") == 0)
        r->psk = argv[1];
    else if (strcmp(argv[0], "-c") == 0)
        r->ca = argv[1];
    else if (strcmp(argv[0], "-k") == 0) {
        r->cert = argv[1];
        r->key = argv[2];
        return 3;
    } else
        return 0;
    return 2;
}

int main(int argc, char **argv)
{
    struct fetch f = {0};
    struct link_request r = {.connect_ms = 60000,
                             .silence_ms = 93000,
                             .exchange_ms = 93000,
                             .ip_type = 2,
                             .callback = on_event,
                             .ctx = &f};
    uv_loop_t *loop = uv_default_loop();
    struct link *l = link_coap_create(loop, NULL);
    uint64_t began = uv_hrtime();
    int taken;

    argv++;
    while (argc > 3 && (taken = take(&r, argv)) > 0) {
        argv += taken;
        argc -= taken;
    }
    if (argc != 3 || !l || !(f.file = fopen(argv[1], "w+b"))) {
        fprintf(stderr, "usage: coap_fetch [-b SIZE] [-p PSK] [-c CA] "
                        "[-k CERT KEY] URL FILE\n");
        return 2;
    }
    r.url = argv[0];
    if (link_open(l, &r) != 0) {
        fprintf(stderr, "coap_fetch: cannot begin\n");
        return 1;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    if (f.whole)
        printf("%.1f\n", (double)(uv_hrtime() - began) / 1e6);
    link_destroy(l);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    fclose(f.file);
    return f.whole ? 0 : 1;
}
