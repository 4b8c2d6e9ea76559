/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "modem/control.h"
#include "os/files.h"

enum { WORDS_MAX = 4 };

struct request {
    struct module *m;
    int count;
    char *word[WORDS_MAX];
    struct buffer *answer; /* empty after the verb: OK is said */
};

static bool number(const char *text, long low, long high, long *value)
{
    char *end;

    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= low &&
           *value <= high;
}

static int wrong(struct request *r, const char *usage)
{
    return buffer_printf(r->answer, "ERROR usage: %s", usage);
}

static bool is(const struct request *r, int i, const char *word)
{
    return i < r->count && strcmp(r->word[i], word) == 0;
}

static int do_power(struct request *r)
{
    if (is(r, 1, "on"))
        module_power_on(r->m);
    else if (is(r, 1, "off"))
        module_power_off(r->m);
    else if (is(r, 1, "cut"))
        kill(getpid(), SIGKILL); /* what a power cut is: no last words */
    else
        return wrong(r, "power on|off|cut");
    return 0;
}

/* [AREA:]<flash operation> */
static int set_at(struct request *r, enum chip_cut how, const char *usage)
{
    char *area = r->count > 1 ? r->word[1] : NULL;
    char *colon = area ? strchr(area, ':') : NULL;
    long n;

    if (colon)
        *colon = '\0';
    if (!area || !number(colon ? colon + 1 : area, 1, 2000000000, &n) ||
        chip_cut_at(&r->m->chip, colon ? area : NULL, (uint64_t)n, how) != 0)
        return wrong(r, usage);
    return 0;
}

static int do_cut_at(struct request *r)
{
    static const char usage[] = "cut-at [slot:|backup:|package:|journal:]"
                                "<flash operation> [torn|erase]";
    enum chip_cut how = CHIP_CUT_BEFORE;

    if (is(r, 2, "torn"))
        how = CHIP_CUT_TORN;
    else if (is(r, 2, "erase"))
        how = CHIP_CUT_ERASE;
    else if (r->count > 2)
        return wrong(r, usage);
    return set_at(r, how, usage);
}

static int do_fail_at(struct request *r)
{
    return set_at(r, CHIP_FAIL,
                  "fail-at [slot:|backup:|package:|journal:]"
                  "<flash operation>");
}

/* What a bad network does to downloads. */
static bool set_fault(struct request *r)
{
    struct fault *f = &r->m->fault;
    long value;

    if (r->count != 3 || !number(r->word[2], 0, 2000000000, &value))
        return false;
    if (is(r, 1, "loss") && value <= 100)
        f->loss = (uint8_t)value;
    else if (is(r, 1, "rtt") && value <= 60000)
        f->rtt_ms = (uint32_t)value;
    else if (is(r, 1, "stall"))
        f->stall_at = (uint64_t)value;
    else if (is(r, 1, "cut"))
        f->cut_at = (uint64_t)value;
    else if (is(r, 1, "corrupt"))
        f->corrupt_at = (uint64_t)value;
    else
        return false;
    return true;
}

static int do_net(struct request *r)
{
    struct radio *radio = &r->m->radio;

    if (set_fault(r))
        return 0;
    if (r->count != 2 || (!is(r, 1, "up") && !is(r, 1, "down")))
        return wrong(r, "net up|down|loss PERCENT|rtt MS|"
                        "stall BYTES|cut BYTES|corrupt BYTES");
    radio->net = is(r, 1, "up");
    module_radio_changed(r->m);
    return 0;
}

static int do_sim(struct request *r)
{
    static const char *const names[] = {"in", "out", "roaming", "other"};

    for (int i = 0; i < 4; i++) {
        if (is(r, 1, names[i])) {
            r->m->radio.sim = (enum sim)i;
            module_radio_changed(r->m);
            poll_sim_changed(r->m);
            return 0;
        }
    }
    return wrong(r, "sim in|out|roaming|other");
}

static int do_dtr(struct request *r)
{
    if (!is(r, 1, "on") && !is(r, 1, "off"))
        return wrong(r, "dtr on|off");
    terminal_set_dtr(r->m, is(r, 1, "on"));
    return 0;
}

static int do_clock(struct request *r)
{
    long value;

    if (r->count != 2 || !number(r->word[1], -4000000000L, 4000000000L, &value))
        return wrong(r, "clock +SECONDS");
    r->m->set.clock_offset += value;
    poll_wake(r->m);
    return settings_save(&r->m->set);
}

static int do_battery(struct request *r)
{
    long value;

    if (r->count != 2 || !number(r->word[1], 0, 100, &value))
        return wrong(r, "battery PERCENT");
    r->m->radio.battery = (uint8_t)value;
    return 0;
}

static int do_rssi(struct request *r)
{
    long value;

    if (r->count != 2 || !number(r->word[1], -140, 0, &value))
        return wrong(r, "rssi DBM");
    r->m->radio.rssi_dbm = (int)value;
    return 0;
}

/* The vendor's flash tool: whatever state the module is in, the image is in
 * the slot afterwards and the module boots it. */
static int do_recover(struct request *r)
{
    struct module *m = r->m;
    uint8_t *image = NULL;
    size_t len = 0;
    int err;

    if (r->count != 2)
        return wrong(r, "recover FILE");
    err = files_read(r->word[1], m->c->memory.slot, &image, &len);
    if (err || len == 0) {
        free(image);
        return buffer_printf(r->answer, "ERROR %s: %s", r->word[1],
                             err ? dfota_strerror(err) : "is empty");
    }
    agent_stop(m);
    err = chip_install(&m->chip, image, (uint32_t)len);
    free(image);
    m->set.image_len = (uint32_t)len;
    m->set.package_len = 0;
    m->set.pending = false;
    settings_unmark(&m->set);
    if (!err)
        err = settings_save(&m->set);
    if (!err)
        module_reset(m, m->d->timing.boot);
    return err;
}

static int do_state(struct request *r)
{
    char *text = module_state(r->m);
    int err = text ? buffer_add_str(r->answer, text) : DFOTA_E_NOMEM;

    free(text);
    return err;
}

static const struct verb {
    const char *name;
    int (*run)(struct request *r);
} verbs[] = {
    {"power", do_power},     {"cut-at", do_cut_at},   {"fail-at", do_fail_at},
    {"net", do_net},         {"sim", do_sim},         {"dtr", do_dtr},
    {"clock", do_clock},     {"battery", do_battery}, {"rssi", do_rssi},
    {"recover", do_recover}, {"state", do_state},
};

const char *control_verb(unsigned i)
{
    return i < sizeof verbs / sizeof verbs[0] ? verbs[i].name : NULL;
}

static void split(struct request *r, char *line)
{
    char *rest = line, *word;

    while (r->count < WORDS_MAX && (word = strtok_r(rest, " \t", &rest)))
        r->word[r->count++] = word;
}

void control_run(struct module *m, const char *line, struct buffer *answer)
{
    struct request r = {.m = m, .answer = answer};
    char *copy = strdup(line);
    int err = copy ? DFOTA_E_UNSUPPORTED : DFOTA_E_NOMEM;

    if (copy)
        split(&r, copy);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (is(&r, 0, verbs[i].name))
            err = verbs[i].run(&r);
    }
    if (err == DFOTA_E_UNSUPPORTED && r.count > 0)
        buffer_printf(answer, "ERROR no such verb: %s", r.word[0]);
    else if (err)
        buffer_printf(answer, "ERROR %s", dfota_strerror(err));
    else if (answer->len == 0)
        buffer_add_str(answer, "OK");
    free(copy);
}
