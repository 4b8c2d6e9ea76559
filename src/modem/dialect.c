/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/dialect.h"

#include <strings.h>

const struct dialect *dialect_find(const char *name, const char **model)
{
    for (int i = 0; dialects[i]; i++) {
        const struct dialect *d = dialects[i];

        *model = d->model[0];
        if (strcasecmp(name, d->name) == 0)
            return d;
        for (int k = 0; d->also[k]; k++) {
            *model = d->model[k + 1];
            if (strcasecmp(name, d->also[k]) == 0)
                return d;
        }
    }
    return NULL;
}
