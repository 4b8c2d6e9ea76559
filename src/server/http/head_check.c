/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/head_check.h"

#include <string.h>
#include <strings.h>

static bool is_token(const char *text, size_t len)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr(others, c)))
            return false;
    }
    return len > 0;
}

static bool has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_number(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return len > 0;
}

static bool is_name(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

void head_check_add(struct head_check *check, const char *name, size_t name_len,
                    const char *value, size_t value_len)
{
    if (!value) {
        value = "";
        value_len = 0;
    }
    if (!is_token(name, name_len) || has_control(value, value_len))
        check->malformed = true;
    if (is_name(name, name_len, "Host")) {
        check->hosts++;
    } else if (is_name(name, name_len, "Content-Length")) {
        check->lengths++;
        check->body |= strspn(value, "0") != value_len;
        check->malformed |= !is_number(value, value_len);
    } else if (is_name(name, name_len, "Transfer-Encoding")) {
        check->codings++;
        check->body = true;
        check->malformed |= !is_name(value, value_len, "chunked");
    }
}

const char *head_check_refusal(const struct head_check *check, bool http_1_1)
{
    if (check->malformed)
        return "a malformed header field";
    if (check->hosts > 1)
        return "more than one Host";
    if (http_1_1 && check->hosts == 0)
        return "no Host";
    if (check->lengths > 1)
        return "more than one Content-Length";
    if (check->codings > 1)
        return "more than one Transfer-Encoding";
    if (check->codings > 0 && check->lengths > 0)
        return "Content-Length beside Transfer-Encoding";
    if (check->codings > 0 && !http_1_1)
        return "Transfer-Encoding in HTTP/1.0";
    return NULL;
}
