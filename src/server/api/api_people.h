/* SPDX-License-Identifier: Apache-2.0 */
/** What the calls about people share. Layer: server. */
#ifndef DFOTA_SERVER_API_API_PEOPLE_H
#define DFOTA_SERVER_API_API_PEOPLE_H

#include "server/api/api_call.h"

enum { PASSWORD_MIN = 12, PASSWORD_MAX = 256 };

/** Hash a password of the body into call->text, "" when it may be missing and
 * is. Slow. errors: E_CANCELLED refused; E_NOMEM */
int people_take_password(struct api_call *call, const char *field, bool wanted);

#endif
