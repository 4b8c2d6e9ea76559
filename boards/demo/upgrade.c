/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade.h"

#include <stdio.h>
#include <string.h>

#include "at/session.h"
#include "base/err.h"

#include "eventlog.h"

#define URL_ROOM 192

static const struct dfota_family *const families[] = {&dfota_family_bg95};

static struct {
    struct dfota_session session;
    struct dfota_session_config config;
    upgrade_send send;
    char url[URL_ROOM];
    char version[DFOTA_VERSION_ROOM];
    bool runs;
} upgrade;

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    const struct dfota_session *s = &upgrade.session;

    (void)ctx;
    switch (event) {
    case DFOTA_EVENT_STAGE:
        printf("upgrade: %s\n", dfota_stage_name(dfota_session_stage(s)));
        break;
    case DFOTA_EVENT_PERCENT:
        printf("upgrade: %s %ld%%\n", dfota_stage_name(dfota_session_stage(s)),
               (long)value);
        break;
    case DFOTA_EVENT_VERSION:
        printf("upgrade: the module has version %s\n", s->version);
        break;
    case DFOTA_EVENT_RETRY:
        printf("upgrade: again in %ld s\n", (long)value / 1000);
        break;
    case DFOTA_EVENT_SENT:    /* the demo gives a URL */
    case DFOTA_EVENT_RECORD:  /* the demo does not outlive a power cut */
    case DFOTA_EVENT_WARNING: /* the verdict says enough */
        break;
    }
}

int upgrade_start(const char *url, const char *version, upgrade_send send,
                  uint32_t now_ms)
{
    struct dfota_session_config *c = &upgrade.config;
    int err;

    if (upgrade.runs)
        return DFOTA_E_BUSY;
    if (strlen(url) >= URL_ROOM ||
        (version && strlen(version) >= DFOTA_VERSION_ROOM))
        return DFOTA_E_ARG;
    snprintf(upgrade.url, sizeof(upgrade.url), "%s", url);
    snprintf(upgrade.version, sizeof(upgrade.version), "%s",
             version ? version : "");
    dfota_session_defaults(c);
    c->families = families;
    c->families_count = 1;
    c->url = upgrade.url;
    c->to_version = version ? upgrade.version : NULL;
    c->event = on_event;
    upgrade.send = send;
    err = dfota_session_init(&upgrade.session, c, now_ms);
    upgrade.runs = err == 0;
    return err;
}

bool upgrade_runs(void)
{
    return upgrade.runs;
}

void upgrade_bytes(const uint8_t *in, size_t len, uint32_t now_ms)
{
    dfota_session_input(&upgrade.session, in, len, now_ms);
}

static void print_verdict(uint32_t now_ms)
{
    const struct dfota_verdict *v = &upgrade.session.verdict;

    if (v->outcome == DFOTA_OUTCOME_DONE) {
        printf("upgrade: done, version %s\n", upgrade.session.version);
        eventlog(EVENT_INFO, now_ms, "upgrade: done, version %s",
                 upgrade.session.version);
        return;
    }
    printf("upgrade: %s at %s: %s; %s\n",
           v->outcome == DFOTA_OUTCOME_FAILED ? "failed" : "unknown",
           dfota_stage_name(v->stage), dfota_meaning_text(v->meaning),
           dfota_class_advice(v->kind));
    eventlog(EVENT_ERROR, now_ms, "upgrade: %s at %s",
             dfota_meaning_text(v->meaning), dfota_stage_name(v->stage));
}

void upgrade_poll(uint32_t now_ms)
{
    uint8_t out[64];
    size_t n;

    if (!upgrade.runs)
        return;
    dfota_session_tick(&upgrade.session, now_ms);
    n = dfota_session_output(&upgrade.session, out, sizeof(out), now_ms);
    if (n)
        upgrade.send(out, n);
    if (dfota_session_ended(&upgrade.session)) {
        upgrade.runs = false;
        print_verdict(now_ms);
    }
}
