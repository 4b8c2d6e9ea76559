/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/url_path.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The authority of the absolute form is not looked at: one server, one name
 * space, and the Host header counts as little. */
static const char *skip_authority(const char *target)
{
    const char *rest = target;

    if (strncasecmp(target, "http://", 7) == 0)
        rest = target + 7;
    else if (strncasecmp(target, "https://", 8) == 0)
        rest = target + 8;
    return rest == target ? target : rest + strcspn(rest, "/?#");
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* One character, decoded; escaped slashes are told apart from real ones. */
static int next_char(const char **at, bool *escaped)
{
    unsigned char c = (unsigned char)*(*at)++;
    int high, low;

    if (c == ' ') /* only ever escaped */
        return DFOTA_E_SYNTAX;
    *escaped = c == '%';
    if (*escaped) {
        high = hex_digit((*at)[0]);
        low = high < 0 ? -1 : hex_digit((*at)[1]);
        if (low < 0)
            return DFOTA_E_SYNTAX;
        *at += 2;
        c = (unsigned char)(high * 16 + low);
    }
    return is_control(c) ? DFOTA_E_SYNTAX : c;
}

static bool at_end(const char *at)
{
    return *at == '\0' || *at == '?' || *at == '#';
}

/* No segment may be empty or begin with a dot: that is ".", "..", and every
 * hidden file at once. */
static bool is_served(const char *path)
{
    while (*path != '\0' && *path != '.' && *path != '/') {
        path += strcspn(path, "/");
        if (*path == '\0')
            return true;
        path++;
    }
    return false;
}

int url_path_decode(const char *target, char *path, size_t room)
{
    const char *at = skip_authority(target);
    bool escaped, hidden_slash = false;
    size_t len = 0;
    int c;

    if (*at++ != '/')
        return DFOTA_E_SYNTAX;
    while (!at_end(at)) {
        c = next_char(&at, &escaped);
        if (c < 0)
            return c;
        if (len + 1 >= room)
            return DFOTA_E_FULL;
        hidden_slash |= escaped && c == '/';
        path[len++] = (char)c;
    }
    path[len] = '\0';
    return !hidden_slash && is_served(path) ? 0 : DFOTA_E_NOTFOUND;
}
