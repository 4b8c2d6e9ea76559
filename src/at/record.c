/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's record for a host that may die: apart, so that a host that
 * cannot go on does not link it.
 */
#include "at/session_priv.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"

_Static_assert(sizeof(struct dfota_at_record) == 20 + DFOTA_VERSION_ROOM,
               "a record has no padding that a CRC would cover");

static uint32_t crc_of(const struct dfota_at_record *record)
{
    return dfota_crc32(0, (const uint8_t *)record,
                       offsetof(struct dfota_at_record, crc));
}

void dfota_session_record(const struct dfota_session *session,
                          struct dfota_at_record *record)
{
    record->magic = DFOTA_RECORD_MAGIC;
    record->kept = session->kept;
    memcpy(record->old_version, session->old_version, DFOTA_VERSION_ROOM);
    record->crc = crc_of(record);
}

int dfota_session_resume(struct dfota_session *session,
                         const struct dfota_at_record *record)
{
    if (record->magic != DFOTA_RECORD_MAGIC || record->crc != crc_of(record) ||
        record->kept.stage >= DFOTA_AT_COUNT ||
        record->old_version[DFOTA_VERSION_ROOM - 1])
        return DFOTA_E_CORRUPT;
    session->kept = record->kept;
    memcpy(session->old_version, record->old_version, DFOTA_VERSION_ROOM);
    if (session->kept.triggered)
        session_go(session, STATE_WATCH);
    session->may_ask = true;
    return DFOTA_OK;
}
