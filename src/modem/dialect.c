/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/dialect.h"

#include <string.h>
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

static const struct command *find(const struct command *list, const char *name)
{
    for (const struct command *c = list; c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

const struct command *dialect_command(const struct dialect *d, const char *name)
{
    const struct command *own = find(d->commands, name);

    return own ? own : find(common_commands, name);
}

void dialect_commands(const struct dialect *d,
                      void (*each)(void *ctx, const struct command *c),
                      void *ctx)
{
    for (const struct command *c = common_commands; c->name; c++)
        each(ctx, dialect_command(d, c->name));
    for (const struct command *c = d->commands; c->name; c++) {
        if (!find(common_commands, c->name))
            each(ctx, c);
    }
}
