/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

const char *dfota_strerror(int err)
{
    switch (err) {
    case DFOTA_OK:
        return "no error";
    case DFOTA_MORE:
        return "more to do";
    case DFOTA_DONE:
        return "finished";
#define X(name, value, text)                                                   \
    case (value):                                                              \
        return text;
        DFOTA_ERRORS(X)
#undef X
    default:
        return "unknown error";
    }
}
