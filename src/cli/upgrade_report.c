/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/upgrade_report.h"
#include "cli/cli.h"
#include "os/log.h"
#include <jansson.h>

static const char *const warnings[] = {
    [DFOTA_WARNING_END] =
        "the module reported a failure, but the new version runs",
    [DFOTA_WARNING_NO_END] =
        "the module did not report the end, but the new version runs",
    [DFOTA_WARNING_ATTACHED] =
        "an update is running already: following it, nothing was started",
    [DFOTA_WARNING_NETWORK] =
        "the module does not say whether it is registered: going on",
    [DFOTA_WARNING_APN] =
        "the module keeps its APN, perhaps because it is in use: going on",
    [DFOTA_WARNING_CHECKSUM] = "the package arrived damaged: sending it again",
};

static void print_json(json_t *object)
{
    if (!object)
        return;
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static void event_json(const struct dfota_session *session,
                       enum dfota_event event, int32_t value)
{
    const char *stage = dfota_stage_name(dfota_session_stage(session));

    switch (event) {
    case DFOTA_EVENT_STAGE:
        print_json(json_pack("{ss ss}", "event", "stage", "stage", stage));
        break;
    case DFOTA_EVENT_PERCENT:
        print_json(json_pack("{ss ss si}", "event", "percent", "stage", stage,
                             "percent", (int)value));
        break;
    case DFOTA_EVENT_VERSION:
        print_json(json_pack("{ss ss ss}", "event", "version", "version",
                             session->version, "model",
                             session->family ? session->family->name : ""));
        break;
    case DFOTA_EVENT_RETRY:
        print_json(json_pack("{ss ss si}", "event", "retry", "stage", stage,
                             "seconds", (int)value / 1000));
        break;
    case DFOTA_EVENT_WARNING:
        print_json(json_pack("{ss ss ss}", "event", "warning", "stage", stage,
                             "text", warnings[value]));
        break;
    case DFOTA_EVENT_SENT: /* told as percents */
    case DFOTA_EVENT_RECORD:
        break;
    }
}

static void event_words(struct upgrade_report *report,
                        const struct dfota_session *session,
                        enum dfota_event event, int32_t value)
{
    const char *stage = dfota_stage_name(dfota_session_stage(session));

    if (event == DFOTA_EVENT_STAGE || event == DFOTA_EVENT_PERCENT) {
        if (report->progress.on)
            progress_show(&report->progress, stage,
                          event == DFOTA_EVENT_PERCENT
                              ? (int)value
                              : DFOTA_SESSION_NO_PERCENT);
        else if (event == DFOTA_EVENT_STAGE)
            log_info("%s", stage);
        return;
    }
    if (event == DFOTA_EVENT_RECORD)
        return;
    progress_clear(&report->progress);
    if (event == DFOTA_EVENT_VERSION)
        log_info("the module is a %s with version %s",
                 session->family ? session->family->name : "stranger",
                 session->version);
    else if (event == DFOTA_EVENT_RETRY)
        log_warn("%s did not succeed: trying again in %d s", stage,
                 (int)value / 1000);
    else
        log_warn("%s", warnings[value]);
}

/* Which is worth a line: a new percent of the upload, and the questions of
 * the beginning once, not before every retry. */
static bool is_news(struct upgrade_report *report,
                    const struct dfota_session *session,
                    enum dfota_event *event, int32_t *value)
{
    if (*event == DFOTA_EVENT_SENT) {
        *event = DFOTA_EVENT_PERCENT;
        *value = (int32_t)((uint64_t)session->sent * 100 /
                           session->config->package_len);
        if (*value == report->sent)
            return false;
        report->sent = *value;
        return true;
    }
    if (*event == DFOTA_EVENT_STAGE && *value > DFOTA_AT_IDENTIFY)
        report->done_asking = true;
    return *event != DFOTA_EVENT_STAGE || *value > DFOTA_AT_IDENTIFY ||
           !report->done_asking;
}

void upgrade_report_event(struct upgrade_report *report,
                          const struct dfota_session *session,
                          enum dfota_event event, int32_t value)
{
    if (!is_news(report, session, &event, &value))
        return;
    if (report->json)
        event_json(session, event, value);
    else
        event_words(report, session, event, value);
}

static const char *or_unknown(const char *version)
{
    return *version ? version : "?";
}

static void end_json(const struct dfota_session *session,
                     const struct dfota_verdict *v, double seconds)
{
    static const char *const outcomes[] = {"none", "done", "failed", "unknown"};
    json_t *number = v->has_number ? json_integer(v->number) : json_null();

    print_json(json_pack(
        "{ss ss ss so ss ss ss ss sf}", "event", "verdict", "outcome",
        outcomes[v->outcome], "stage", dfota_stage_name(v->stage), "number",
        number, "meaning", dfota_meaning_text(v->meaning), "advice",
        v->outcome == DFOTA_OUTCOME_DONE ? "" : dfota_class_advice(v->kind),
        "old", session->old_version, "new", session->version, "seconds",
        seconds));
}

static void end_words(const struct dfota_session *session,
                      const struct dfota_verdict *v, double seconds)
{
    if (v->outcome == DFOTA_OUTCOME_DONE) {
        printf("upgrade: %s -> %s in %.0f s\n",
               or_unknown(session->old_version), or_unknown(session->version),
               seconds);
        return;
    }
    printf("upgrade: %s at %s: ",
           v->outcome == DFOTA_OUTCOME_FAILED ? "failed" : "unknown",
           dfota_stage_name(v->stage));
    if (v->has_number)
        printf("%d ", (int)v->number);
    printf("%s; %s\n", dfota_meaning_text(v->meaning),
           dfota_class_advice(v->kind));
}

static int end_dry(const struct upgrade_report *report,
                   const struct dfota_session *session)
{
    const char *model = session->family ? session->family->name : "?";

    if (report->json)
        print_json(json_pack("{ss ss ss ss}", "event", "verdict", "outcome",
                             "dry-run", "model", model, "old",
                             session->version));
    else
        printf("upgrade: dry run: %s with version %s could begin; nothing was "
               "changed\n",
               model, or_unknown(session->version));
    return CLI_DONE;
}

int upgrade_report_end(struct upgrade_report *report,
                       const struct dfota_session *session,
                       enum upgrade_end why, uint32_t now_ms)
{
    struct dfota_verdict v = session->verdict;
    double seconds = (now_ms - report->began_ms) / 1000.0;

    progress_clear(&report->progress);
    if (why == UPGRADE_END_DRY)
        return end_dry(report, session);
    if (why == UPGRADE_END_INTERRUPTED) {
        v.outcome = session->kept.triggered ? DFOTA_OUTCOME_UNKNOWN
                                            : DFOTA_OUTCOME_FAILED;
        v.stage = dfota_session_stage(session);
        v.kind = DFOTA_CLASS_WAIT;
        v.meaning = DFOTA_MEANING_INTERRUPTED;
    }
    if (report->json)
        end_json(session, &v, seconds);
    else
        end_words(session, &v, seconds);
    if (v.outcome == DFOTA_OUTCOME_DONE)
        return CLI_DONE;
    return v.outcome == DFOTA_OUTCOME_FAILED && v.has_number &&
                   v.kind == DFOTA_CLASS_PACKAGE
               ? CLI_REFUSED
               : CLI_FAILED;
}
