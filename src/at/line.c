/* SPDX-License-Identifier: Apache-2.0 */
#include "at/line.h"
#include "base/err.h"

void dfota_line_init(struct dfota_line *line)
{
    line->len = 0;
    line->text[0] = '\0';
}

static int end_line(struct dfota_line *line)
{
    while (line->len && line->text[line->len - 1] == ' ')
        line->len--;
    line->text[line->len] = '\0';
    if (!line->len)
        return DFOTA_OK;
    line->len = 0;
    return DFOTA_DONE;
}

int dfota_line_feed(struct dfota_line *line, uint8_t byte)
{
    if (byte == '\r' || byte == '\n')
        return end_line(line);
    if (byte < ' ' || byte > '~' || (byte == ' ' && !line->len))
        return DFOTA_OK;
    if (line->len < DFOTA_LINE_ROOM - 1)
        line->text[line->len++] = (char)byte;
    return DFOTA_OK;
}
