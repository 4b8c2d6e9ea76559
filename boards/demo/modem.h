/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The cellular module on the second serial port: brings a context up, asks
 * for signal and registration from time to time, follows its URCs.
 *
 *   PROBE -> ECHO -> SIM -> SIGNAL -> REGISTERED -> CONTEXT -> ONLINE
 *     ^__________ any error, or silence of five seconds ________|
 */
#ifndef DEMO_MODEM_H
#define DEMO_MODEM_H

#include <stddef.h>
#include <stdint.h>

enum modem_state {
    MODEM_PROBE,
    MODEM_ECHO,
    MODEM_SIM,
    MODEM_SIGNAL,
    MODEM_REGISTERED,
    MODEM_CONTEXT,
    MODEM_ONLINE,
};

struct modem {
    enum modem_state state;
    char line[128];
    size_t line_len;
    uint32_t sent_ms;  /* when the command that is open was sent */
    uint32_t again_ms; /* not before this the next one */
    int open;          /* a command waits for its final code */
    int rssi, registration, failures;
    int fota_percent; /* of a firmware update of the module, or -1 */
    void (*send)(const char *command);
};

void modem_init(struct modem *m, void (*send)(const char *command));

/** Take in a byte from the module. */
void modem_byte(struct modem *m, char byte, uint32_t now_ms);

/** Send what is due; notice silence. */
void modem_poll(struct modem *m, uint32_t now_ms);

/** A word for a state. */
const char *modem_state_name(enum modem_state state);

/** dBm from the number of AT+CSQ; 0 when it is not known. */
int modem_dbm(int rssi);

#endif
