/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/fleet/fleet_fresh.h"
#include "server/fleet/plan_watch.h"

/* ---- the clock ---- */

struct clock_note {
    struct job job;
    const struct node *node;
    const char *action;
    char text[64];
};

static int write_note(struct sql *sql, struct job *job)
{
    const struct clock_note *note = (struct clock_note *)job;

    return node_audit(note->node, sql, 0, "server", note->action, "clock",
                      note->text);
}

static void tell(struct upkeep *upkeep, bool off, int64_t by_s)
{
    struct clock_note note = {.job = {.run = write_note},
                              .node = upkeep->node,
                              .action = off ? "clock.off" : "clock.on"};

    snprintf(note.text, sizeof note.text, "%" PRId64 " s", by_s);
    if (off)
        log_error("the clock jumped by %" PRId64 " s: no module gets an update "
                  "and no deadline counts until it is back or "
                  "`dfotactl clock accept`",
                  by_s);
    else
        log_info("the clock is right again");
    store_do(upkeep->node->store, &note.job);
}

/* How far the clock is from that of the database which nodes share; 0: near
 * enough, or the database does not answer. A rehearsal's time is its own. */
static int64_t apart(const struct node *node)
{
    struct sql *sql;
    int64_t before = clock_wall(node->clock), there = before;
    int err;

    if (node->clock != &server_clock_real)
        return 0;
    err = store_read_begin(node->store, &sql);
    if (!err && sql_is_shared(sql))
        err = sql_one_int(
            sql, &there,
            "SELECT CAST(extract(epoch FROM clock_timestamp()) AS bigint)",
            SQL_NONE);
    store_read_end(node->store, sql);
    if (err || (there >= before - UPKEEP_APART_S &&
                there <= clock_wall(node->clock) + UPKEEP_APART_S))
        return 0;
    return before - there;
}

/* A clock that is behind what this node wrote last: it was set back, or lost
 * its time, while nothing ran. What was written when a clock went wrong has
 * its wrong time. */
static void begin_clock(struct upkeep *upkeep)
{
    struct sql *sql;
    int64_t last;

    upkeep->has_begun = true;
    upkeep->not_before = 0;
    if (store_read_begin(upkeep->node->store, &sql) != 0)
        return;
    if (sql_one_int(sql, &last,
                    "SELECT at FROM audit WHERE node = $1 AND "
                    "action <> 'clock.off' ORDER BY number DESC LIMIT 1",
                    SQL_ARGS(SQL_TEXT(upkeep->node->name))) == 0)
        upkeep->not_before = last - NODE_CLOCK_JUMP_S;
    store_read_end(upkeep->node->store, sql);
}

/* returns by how much it is off; 0: not */
static int64_t look_at_clock(struct upkeep *upkeep)
{
    struct node *node = upkeep->node;
    int64_t wall = clock_wall(node->clock), by_s;
    int64_t offset = wall - clock_steady(node->clock);

    if (!upkeep->has_begun)
        begin_clock(upkeep);
    if (atomic_exchange(&upkeep->accepted, false))
        upkeep->not_before = 0;
    if (wall < upkeep->not_before)
        return wall - upkeep->not_before;
    upkeep->not_before = 0;
    if (!atomic_load(&node->has_clock_offset)) {
        atomic_store(&node->clock_offset_s, offset);
        atomic_store(&node->has_clock_offset, true);
    }
    by_s = offset - atomic_load(&node->clock_offset_s);
    if (by_s > NODE_CLOCK_JUMP_S || by_s < -NODE_CLOCK_JUMP_S)
        return by_s;
    /* a clock that is set right in small steps is right */
    atomic_store(&node->clock_offset_s, offset);
    return apart(node);
}

static bool watch_clock(struct upkeep *upkeep)
{
    int64_t by_s = look_at_clock(upkeep);
    bool was_off = atomic_exchange(&upkeep->node->clock_is_off, by_s != 0);

    if ((by_s != 0) != was_off)
        tell(upkeep, by_s != 0, by_s);
    return by_s == 0;
}

void upkeep_accept_clock(struct upkeep *upkeep)
{
    struct node *node = upkeep->node;

    atomic_store(&upkeep->accepted, true);
    atomic_store(&node->clock_offset_s,
                 clock_wall(node->clock) - clock_steady(node->clock));
}

int upkeep_round(struct upkeep *upkeep)
{
    int err = fleet_renew(upkeep->node->fleet, 0), seen;

    if (err == DFOTA_E_VERSION)
        return err;
    seen = fleet_write_seen(upkeep->node->fleet);
    if (watch_clock(upkeep))
        err = plan_watch_round(upkeep->node, &upkeep->after);
    return err ? err : seen;
}
