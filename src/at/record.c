/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's record for a host that may die: apart, so that a host that
 * cannot go on does not link it.
 */
#include "at/session_priv.h"
#include "at/text.h"
#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"

#define RECORD_MAGIC 0xA7
#define RECORD_VERSION 1
#define RECORD_CRC_OFF (DFOTA_SESSION_RECORD_LEN - 4)

_Static_assert(12 + DFOTA_VERSION_ROOM == RECORD_CRC_OFF,
               "the record's table in session.h");

void dfota_session_record(const struct dfota_session *session,
                          uint8_t record[DFOTA_SESSION_RECORD_LEN])
{
    memset(record, 0, DFOTA_SESSION_RECORD_LEN);
    record[0] = RECORD_MAGIC;
    record[1] = RECORD_VERSION;
    record[2] = session->stage;
    record[3] = (uint8_t)(session->triggered | session->begun << 1 |
                          session->have_end << 2);
    record[4] = session->network_tries;
    record[5] = session->module_tries;
    dfota_put_le32(record + 8, (uint32_t)session->end);
    dfota_text_copy((char *)record + 12, DFOTA_VERSION_ROOM,
                    session->old_version);
    dfota_put_le32(record + RECORD_CRC_OFF,
                   dfota_crc32(0, record, RECORD_CRC_OFF));
}

int dfota_session_resume(struct dfota_session *session,
                         const uint8_t record[DFOTA_SESSION_RECORD_LEN])
{
    if (record[0] != RECORD_MAGIC || record[1] != RECORD_VERSION ||
        record[2] >= DFOTA_STAGE_COUNT || record[12 + DFOTA_VERSION_ROOM - 1] ||
        dfota_get_le32(record + RECORD_CRC_OFF) !=
            dfota_crc32(0, record, RECORD_CRC_OFF))
        return DFOTA_E_CORRUPT;
    session->network_tries = record[4];
    session->module_tries = record[5];
    if (!(record[3] & 1))
        return DFOTA_OK;
    session->stage = record[2];
    session->triggered = true;
    session->begun = record[3] & 2;
    session->have_end = record[3] & 4;
    session->end = (int32_t)dfota_get_le32(record + 8);
    session->may_ask = true;
    dfota_text_copy(session->old_version, DFOTA_VERSION_ROOM,
                    (const char *)record + 12);
    session_go(session, STATE_WATCH);
    return DFOTA_OK;
}
