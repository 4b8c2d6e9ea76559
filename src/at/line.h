/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The tolerant line splitter: bytes of a serial port in, lines of text out.
 *
 * Layer: at (freestanding). A line ends at CR or LF, whatever mixture the
 * module sends; empty lines vanish. NULs, other control bytes and bytes
 * past ASCII are noise of a reset and are dropped, so a line that was hit
 * by them is still read. A line longer than the room keeps its beginning.
 */
#ifndef DFOTA_AT_LINE_H
#define DFOTA_AT_LINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a line kept, with its NUL. The longest a session must read is
 * the answer to AT+QCFGEXT="fota_apn"; an echoed URL may be longer. */
#define DFOTA_LINE_ROOM 192

struct dfota_line {
    uint16_t len;
    char text[DFOTA_LINE_ROOM]; /* NUL-terminated after DFOTA_DONE */
};

void dfota_line_init(struct dfota_line *line);

/**
 * Feed one byte.
 *
 * returns  DFOTA_DONE: text is a line without blanks at its ends, valid
 *          until the next call | DFOTA_OK wants more
 */
int dfota_line_feed(struct dfota_line *line, uint8_t byte);

#ifdef __cplusplus
}
#endif

#endif
