/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/map_svg.h"

#include "base/bytes.h"

enum { WIDTH = 1000, MARGIN = 20, OLD_TOP = 50, NEW_TOP = 250, BAR = 24 };

struct picture {
    FILE *f;
    double scale; /* pixels a byte */
};

static double x_of(const struct picture *p, uint32_t off)
{
    return MARGIN + off * p->scale;
}

static void bar(const struct picture *p, int top, uint32_t from, uint32_t len,
                const char *colour)
{
    fprintf(p->f,
            "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" "
            "fill=\"%s\"/>\n",
            x_of(p, from), top, len * p->scale, BAR, colour);
}

/* From its place in the old image to its place in the new one. */
static void band(const struct picture *p, const struct dfota_segment *s)
{
    fprintf(p->f,
            "<path d=\"M%.2f %dH%.2fL%.2f %dH%.2fZ\" fill=\"%s\" "
            "fill-opacity=\"0.35\"/>\n",
            x_of(p, s->src), OLD_TOP + BAR, x_of(p, s->src + s->len),
            x_of(p, s->pos + s->len), NEW_TOP, x_of(p, s->pos),
            s->src == s->pos ? "#4c78a8" : "#72b7b2");
    bar(p, OLD_TOP, s->src, s->len, "#4c78a8");
    bar(p, NEW_TOP, s->pos, s->len, "#4c78a8");
}

static void text(const struct picture *p, int y, const char *what,
                 uint32_t bytes)
{
    fprintf(p->f,
            "<text x=\"%d\" y=\"%d\" font-family=\"sans-serif\" "
            "font-size=\"14\">%s, %u bytes</text>\n",
            MARGIN, y, what, bytes);
}

void map_svg_draw(FILE *f, const struct package_map *m)
{
    const struct dfota_manifest *h = &m->package.m;
    uint32_t longest = dfota_max_u32(h->source_len, h->target_len);
    struct picture p = {f, (WIDTH - 2.0 * MARGIN) / (longest ? longest : 1)};

    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            WIDTH, NEW_TOP + BAR + 50, WIDTH, NEW_TOP + BAR + 50);
    text(&p, OLD_TOP - 12, "old image (grey: not used any more)",
         h->source_len);
    bar(&p, OLD_TOP, 0, h->source_len, "#d0d0d0");
    bar(&p, NEW_TOP, 0, h->target_len, "#e45756");
    for (size_t i = 0; i < m->segments.len; i++)
        band(&p, &m->segments.list[i]);
    text(&p, NEW_TOP + BAR + 24, "new image (red: new)", h->target_len);
    fputs("</svg>\n", f);
}
