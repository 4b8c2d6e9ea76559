/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIALECT.conf: what is taken is in its range, and its texts are texts.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "modem/dialect_conf.h"
#include "os/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_init("fuzz", LOG_LEVEL_NONE);
    return 0;
}

static void check(const struct dialect *d)
{
    for (int i = 0; i < URL_SCHEMES; i++)
        assert(d->url.ports[i] > 0);
    assert(d->radio.rssi_dbm >= -140 && d->radio.rssi_dbm <= 0);
    assert(strspn(d->radio.imei, "0123456789") >= 14);
    assert(strlen(d->radio.imei) <= 16 && strlen(d->radio.imsi) <= 15);
    assert(!strchr(d->radio.operator_name, '"'));
    assert(strlen(d->radio.operator_name) <= 64);
    assert(d->timing.boot <= 86400000 && d->timing.connect_tries > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *model;
    const struct dialect *base = dialect_find("bg95", &model);
    struct dialect_conf c = {.dialect = *base, .text = malloc(len + 1)};

    assert(c.text);
    if (len > 0)
        memcpy(c.text, data, len);
    c.text[len] = '\0';
    if (dialect_conf_parse(&c, c.text, len, "f") == 0)
        check(&c.dialect);
    dialect_conf_release(&c);
    return 0;
}
