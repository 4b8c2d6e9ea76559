/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AT client against a module that says anything at any time. The first
 * bytes choose family and way; then each piece is a pause, a length and what
 * the module says. Whatever it is: nothing but text goes out beside the
 * package, the package is read within its bounds, nothing goes out once there
 * is a verdict, and there is one at the overall deadline.
 */
#include "at/session.h"
#include <stdlib.h>

#define PACKAGE 3000

struct fuzz {
    struct dfota_session_config config;
    struct dfota_session session;
    uint32_t now;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_package(void *ctx, uint32_t off, uint8_t *out, size_t len)
{
    (void)ctx;
    require(off <= PACKAGE && len <= PACKAGE - off);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(off + i) & 1 ? '+' : 'x';
}

static void drain(struct fuzz *f)
{
    uint8_t out[64];
    size_t len;

    for (int i = 0; i < 1000; i++) {
        bool ended = dfota_session_ended(&f->session);
        bool data = f->session.data_mode;

        len = dfota_session_output(&f->session, out, sizeof(out), f->now);
        if (!len)
            return;
        require(!ended && len <= sizeof(out));
        for (size_t k = 0; !data && k < len; k++)
            require((out[k] >= ' ' && out[k] <= '~') || out[k] == '\r');
    }
}

static void begin(struct fuzz *f, uint8_t choice)
{
    dfota_session_defaults(&f->config);
    f->config.families = dfota_families;
    f->config.families_count = dfota_families_count;
    if (choice & 7)
        f->config.family = dfota_families[(choice & 7) % dfota_families_count];
    f->config.url = choice & 8 ? NULL : "http://h.example/p";
    f->config.apn = choice & 16 ? "a.example" : NULL;
    f->config.usb = choice & 32;
    f->config.flow_control = choice & 64;
    f->config.to_version = choice & 128 ? "2" : NULL;
    f->config.package_len = PACKAGE;
    f->config.read = read_package;
    f->now = UINT32_MAX - 5000;
    require(!dfota_session_init(&f->session, &f->config, f->now));
}

/* A pause of any length, from one due time to the next. */
static void pass(struct fuzz *f, uint32_t ms)
{
    uint32_t end = f->now + ms;

    for (int i = 0; i < 4000 && !dfota_session_ended(&f->session); i++) {
        uint32_t due = dfota_session_due(&f->session, f->now);

        if (due > end - f->now)
            break;
        f->now += due;
        dfota_session_tick(&f->session, f->now);
        drain(f);
    }
    f->now = end;
    dfota_session_tick(&f->session, f->now);
    drain(f);
}

/* The host dies, and goes on from its record. */
static void die(struct fuzz *f)
{
    struct dfota_at_record record;

    dfota_session_record(&f->session, &record);
    require(!dfota_session_init(&f->session, &f->config, f->now));
    require(!dfota_session_resume(&f->session, &record));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz f;

    if (size < 3)
        return 0;
    begin(&f, data[0]);
    for (data++, size--; size >= 2; data += 2, size -= 2) {
        size_t len = data[1] & 127;

        pass(&f, UINT32_C(1) << (data[0] & 15));
        if (data[0] >= 0xf0)
            die(&f);
        else if (data[0] >= 0xe0)
            dfota_session_port_lost(&f.session, f.now);
        else if (data[0] >= 0xd0)
            dfota_session_port_back(&f.session, f.now);
        len = len < size - 2 ? len : size - 2;
        dfota_session_input(&f.session, data + 2, len, f.now);
        drain(&f);
        data += len;
        size -= len;
    }
    for (int i = 0; i < 60 && !dfota_session_ended(&f.session); i++)
        pass(&f, 200000);
    require(dfota_session_ended(&f.session));
    return 0;
}
