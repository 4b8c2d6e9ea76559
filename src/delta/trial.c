/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/trial.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

void setting_apply(const struct setting *with, struct dfota_package *p,
                   struct dfota_project *project)
{
    bool found;

    p->m.arch = with->arch;
    p->m.flags = with->flags;
    project->isa = dfota_isa_find(with->arch, &found);
    project->data_top = with->data_top;
    project->regions = with->regions;
    memcpy(project->region, with->region, sizeof with->region);
}

/* What the threads share; each takes the next trial until none is left. */
struct set {
    struct trial *list;
    size_t len;
    const struct plan_input *in;
    const struct body *rival;
    bool same_map;
    atomic_size_t next;
};

static void run(const struct set *set, struct trial *t)
{
    struct dfota_package p = *set->in->p;
    struct plan_input in = {set->in->old, set->in->image, &p};
    struct dfota_project project = {0};

    setting_apply(&t->with, &p, &project);
    t->err =
        body_encode(&t->body, &in, t->map, &project, set->rival, set->same_map);
}

static void *work(void *ctx)
{
    struct set *set = ctx;
    size_t i;

    while ((i = atomic_fetch_add(&set->next, 1)) < set->len)
        run(set, &set->list[i]);
    return NULL;
}

enum { HELPERS_MAX = 15 };

void trials_run(struct trial *list, size_t len, const struct plan_input *in,
                const struct body *rival, bool same_map, unsigned threads)
{
    struct set set = {list, len, in, rival, same_map, 0};
    pthread_t helper[HELPERS_MAX];
    unsigned n = 0;

    /* One that cannot be had is no loss: the others take its trials. */
    while (n < HELPERS_MAX && n + 1 < threads && n + 1 < len &&
           pthread_create(&helper[n], NULL, work, &set) == 0)
        n++;
    work(&set);
    while (n-- > 0)
        pthread_join(helper[n], NULL);
}
