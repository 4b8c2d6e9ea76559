/* SPDX-License-Identifier: Apache-2.0 */
#include "modem.h"

#include <string.h>

#include "codecs.h"
#include "eventlog.h"

#define SILENCE_MS 5000u
#define PAUSE_MS 100u
#define RETRY_MS 3000u
#define ONLINE_MS 30000u

static const struct {
    const char *name, *command;
} states[] = {
    [MODEM_PROBE] = {"probe", "AT"},
    [MODEM_ECHO] = {"echo", "ATE0"},
    [MODEM_SIM] = {"sim", "AT+CPIN?"},
    [MODEM_SIGNAL] = {"signal", "AT+CSQ"},
    [MODEM_REGISTERED] = {"registration", "AT+CEREG?"},
    [MODEM_CONTEXT] = {"context", "AT+CGATT?"},
    [MODEM_ONLINE] = {"online", "AT+CSQ"},
};

const char *modem_state_name(enum modem_state state)
{
    return states[state].name;
}

int modem_dbm(int rssi)
{
    return rssi >= 0 && rssi <= 31 ? 2 * rssi - 113 : 0;
}

void modem_init(struct modem *m, void (*send)(const char *command))
{
    memset(m, 0, sizeof(*m));
    m->rssi = 99;
    m->fota_percent = -1;
    m->send = send;
}

static void begin_again(struct modem *m, uint32_t now_ms)
{
    if (m->state != MODEM_PROBE)
        eventlog(EVENT_WARNING, now_ms, "modem: lost in state %s",
                 modem_state_name(m->state));
    m->failures++;
    m->open = 0;
    m->state = MODEM_PROBE;
    m->again_ms = now_ms + RETRY_MS;
}

static const char *after(const char *line, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(line, prefix, n) == 0 ? line + n : NULL;
}

static void next_state(struct modem *m, uint32_t now_ms)
{
    m->again_ms = now_ms + PAUSE_MS;
    if (m->state == MODEM_ONLINE) {
        m->again_ms = now_ms + ONLINE_MS;
        return;
    }
    if (m->state == MODEM_REGISTERED && m->registration != 1 &&
        m->registration != 5) {
        m->again_ms = now_ms + RETRY_MS;
        return;
    }
    m->state++;
    if (m->state == MODEM_ONLINE)
        eventlog(EVENT_INFO, now_ms, "modem: online, %d dBm",
                 modem_dbm(m->rssi));
}

/* +QIND: "FOTA","UPDATING",7% and its kin. */
static void fota_urc(struct modem *m, const char *text, uint32_t now_ms)
{
    const char *comma = strrchr(text, ',');

    if (strstr(text, "UPDATING") && comma)
        m->fota_percent = decimal(comma + 1);
    else if (strstr(text, "\"END\"") && comma) {
        eventlog(EVENT_INFO, now_ms, "modem: update ended with %d",
                 decimal(comma + 1));
        m->fota_percent = -1;
    }
}

static void information(struct modem *m, const char *line, uint32_t now_ms)
{
    const char *p;

    if ((p = after(line, "+CSQ: ")) != NULL)
        m->rssi = decimal(p);
    else if ((p = after(line, "+CEREG: ")) != NULL)
        m->registration = decimal(strchr(p, ',') ? strchr(p, ',') + 1 : p);
    else if ((p = after(line, "+QIND: \"FOTA\",")) != NULL)
        fota_urc(m, p, now_ms);
    else if (strcmp(line, "RDY") == 0 || strcmp(line, "APP RDY") == 0)
        begin_again(m, now_ms);
    else
        eventlog(EVENT_DEBUG, now_ms, "modem: %s", line);
}

static void take_line(struct modem *m, uint32_t now_ms)
{
    const char *line = m->line;

    if (strcmp(line, "OK") == 0) {
        if (m->open)
            next_state(m, now_ms);
        m->open = 0;
    } else if (strcmp(line, "ERROR") == 0 || after(line, "+CME ERROR:")) {
        if (m->open)
            begin_again(m, now_ms);
    } else {
        information(m, line, now_ms);
    }
}

void modem_byte(struct modem *m, char byte, uint32_t now_ms)
{
    if (byte != '\r' && byte != '\n') {
        if (m->line_len + 1 < sizeof(m->line) && byte >= ' ')
            m->line[m->line_len++] = byte;
        return;
    }
    m->line[m->line_len] = '\0';
    if (m->line_len)
        take_line(m, now_ms);
    m->line_len = 0;
}

void modem_poll(struct modem *m, uint32_t now_ms)
{
    if (m->open && now_ms - m->sent_ms > SILENCE_MS)
        begin_again(m, now_ms);
    if (m->open || (int32_t)(now_ms - m->again_ms) < 0)
        return;
    m->send(states[m->state].command);
    m->open = 1;
    m->sent_ms = now_ms;
}
