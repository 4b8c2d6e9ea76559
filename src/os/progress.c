/* SPDX-License-Identifier: Apache-2.0 */
#include "os/progress.h"
#include "base/err.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 40

int progress_mode_parse(const char *word, enum progress_mode *mode)
{
    static const char *const words[] = {"auto", "always", "never"};

    for (int i = 0; i < 3; i++) {
        if (!strcmp(word, words[i])) {
            *mode = (enum progress_mode)i;
            return DFOTA_OK;
        }
    }
    return DFOTA_E_ARG;
}

void progress_init(struct progress *p, enum progress_mode mode, FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool smart = isatty(fileno(out)) && term && strcmp(term, "dumb") != 0;

    p->out = out;
    p->on = mode == PROGRESS_ALWAYS || (mode == PROGRESS_AUTO && smart);
    p->colour = smart && !(no_color && *no_color);
    p->drawn = false;
}

void progress_show(struct progress *p, const char *label, int percent)
{
    char bar[WIDTH + 1];
    int full = percent < 0 ? 0 : percent * WIDTH / 100;

    if (!p->on)
        return;
    memset(bar, '#', WIDTH);
    memset(bar + full, '.', (size_t)(WIDTH - full));
    bar[WIDTH] = '\0';
    fprintf(p->out, "\r%-12.12s [%s%s%s] ", label, p->colour ? "\033[32m" : "",
            bar, p->colour ? "\033[0m" : "");
    if (percent < 0)
        fputs("    ", p->out);
    else
        fprintf(p->out, "%3d%%", percent);
    fflush(p->out);
    p->drawn = true;
}

void progress_clear(struct progress *p)
{
    if (!p->drawn)
        return;
    fprintf(p->out, "\r%*s\r", WIDTH + 24, "");
    fflush(p->out);
    p->drawn = false;
}
