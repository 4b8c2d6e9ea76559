/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "powercut/mutants.h"
#include "powercut/suites.h"
#include "powercut/wear.h"

#define JOBS_MAX 64
#define FULL_RUNS 800000 /* from here on nothing of the product is left out */

static struct world world; /* large */

static int usage(int status)
{
    fprintf(status ? stderr : stdout,
            "usage: powercut [--runs N] [--jobs J] [--depth D] [--seed S]\n"
            "                [--bricks N]\n"
            "       powercut --mutants [--runs N]\n"
            "       powercut --replay LINE\n"
            "       powercut --wear DIR [--unit U]\n"
            "Cuts the power of simulated devices in the middle of updates.\n"
            "  --runs N     stop after so many runs (50000)\n"
            "  --jobs J     in so many processes (1)\n"
            "  --depth D    how much is tried on each device (0)\n"
            "  --bricks N   stop after so many failures (10)\n"
            "  --seed S     another sequence (1)\n"
            "  --mutants    are updaters with a broken rule found?\n"
            "  --replay L   run what a BRICK line names\n"
            "  --wear DIR   erases of an update for each pair DIR/*/old.bin,\n"
            "               new.bin\n"
            "  --unit U     bytes of a program unit there (32)\n");
    return status;
}

static int replay(const char *line)
{
    const char *slash = strchr(line, '/');
    struct world_id id;
    struct plan plan;
    struct trial trial;

    if (!slash || world_parse(&id, line) || plan_parse(&plan, slash + 1) ||
        world_create(&world, &id)) {
        fprintf(stderr, "powercut: %s: not a line that powercut prints\n",
                line);
        return 2;
    }
    trial_run(&trial, &world, &plan);
    printf("%s: %s, %u boots, %s image, %" PRIu64 " operations\n", line,
           trial.brick ? trial.brick : "well", trial.boots,
           trial.ended_new ? "new" : "old", world.power.total);
    world_destroy(&world);
    return trial.brick != NULL;
}

static unsigned pick(uint64_t *seed, unsigned n)
{
    return (unsigned)(sim_random(seed) % n);
}

static bool make(struct tally *t, const struct world_id *id)
{
    int err = world_create(&world, id);
    char name[48];

    if (err) {
        world_name(id, name);
        printf("BRICK %s cannot be made: %s\n", name, dfota_strerror(err));
        t->bricks++;
        world_destroy(&world);
    }
    return !err;
}

#define EARLY 12    /* devices that get a sample before all else */
#define LARGE 65536 /* a run on such a slot takes a hundred times as long */

/* Every geometry, mode and direction there is, and SELF packages. */
#define PRODUCT (world_geometries * MODE_COUNT * 3)

static struct world_id product_id(unsigned n)
{
    static const unsigned kinds[] = {KIND_DELTA, KIND_DELTA, KIND_SELF};
    unsigned rest = n / world_geometries;
    struct world_id id = {.geometry = n % world_geometries,
                          .mode = rest % MODE_COUNT,
                          .shape = n % 2 ? SHAPE_NEW : SHAPE_MIXED,
                          .kind = kinds[rest / MODE_COUNT],
                          .descending = rest / MODE_COUNT == 1,
                          .past = n % PAST_COUNT,
                          .seed = n};

    return id;
}

/* What is left out of a short run is left out evenly. */
static void run_product(struct tally *t, unsigned first, unsigned jobs)
{
    unsigned step = t->runs_max * jobs >= FULL_RUNS ? 1 : 97;

    for (unsigned n = first; n < PRODUCT && !tally_full(t); n += jobs) {
        struct world_id id = product_id(n);

        if (!make(t, &id))
            continue;
        if (id.kind == KIND_SELF || world.area[AREA_SLOT].flash.size > LARGE)
            suites_each_cut(t, &world, 5 * step);
        else
            suites_each_cut(t, &world, step);
        world_destroy(&world);
    }
}

/* On the smallest devices: every two cuts, every chain of three. */
static void run_small(struct tally *t, unsigned first, unsigned jobs)
{
    static const struct {
        unsigned geometry, mode;
    } small[] = {{0, MODE_WHOLE}, {0, MODE_ONE}, {6, MODE_ONE}};
    bool full = t->runs_max * jobs >= FULL_RUNS;

    for (unsigned n = first; n < 2 * sizeof(small) / sizeof(small[0]);
         n += jobs) {
        struct world_id id = {.geometry = small[n / 2].geometry,
                              .mode = small[n / 2].mode,
                              .shape = SHAPE_NEW,
                              .descending = n & 1,
                              .seed = 1000 + n};

        if (!make(t, &id))
            continue;
        suites_chains(t, &world, full ? 1 : 17);
        suites_two_cuts(t, &world, full ? 1 : 23);
        world_destroy(&world);
    }
}

/* Devices in an order that mixes everything early; each is another pair of
 * images, so no two runs are the same. */
static struct world_id mixed_id(unsigned n, uint64_t *seed)
{
    struct world_id id = {.geometry = n % world_geometries,
                          .shape = n % SHAPE_COUNT,
                          .descending = n & 1,
                          .seed = n};

    id.mode = pick(seed, MODE_COUNT);
    id.past = pick(seed, PAST_COUNT);
    if (n < 2) { /* the two modes at their plainest */
        id.mode = n ? MODE_ONE : MODE_WHOLE;
        id.shape = SHAPE_NEW;
        id.past = PAST_NEW;
        return id;
    }
    if (n >= SHAPE_COUNT * 4)
        id.shape = pick(seed, SHAPE_COUNT);
    if (pick(seed, 3) == 0)
        id.kind = pick(seed, KIND_COUNT);
    if (id.kind == KIND_SELF)
        id.descending = 0;
    return id;
}

static void run_mixed(struct tally *t, unsigned depth, unsigned n,
                      uint64_t *seed)
{
    struct world_id id = mixed_id(n, seed);
    bool large;

    if (!make(t, &id))
        return;
    large = world.area[AREA_SLOT].flash.size > LARGE;
    suites_sample(t, &world, large ? 2 : n < 2 ? 24 : (uint64_t)8 << depth);
    if (!large && n >= EARLY) {
        suites_each_cut(t, &world, 19 >> depth | 1);
        suites_two_cuts(t, &world, 67 >> depth | 1);
    }
    world_destroy(&world);
}

/* Every step-th of everything, from first on: some of all first, so that what
 * is broken shows soon. */
static void run_worlds(struct tally *t, unsigned depth, unsigned first,
                       unsigned step)
{
    uint64_t seed = t->seed;
    unsigned n = first;

    for (; n < EARLY && !tally_full(t); n += step)
        run_mixed(t, depth, n, &seed);
    run_small(t, first, step);
    run_product(t, first, step);
    for (; !tally_full(t); n += step)
        run_mixed(t, depth, n, &seed);
}

struct job {
    pid_t pid;
    int result; /* to read its tally from */
};

static int job_begin(struct job *job, struct tally t, unsigned depth,
                     unsigned first, unsigned jobs)
{
    int ends[2];

    if (pipe(ends))
        return -1;
    (void)fflush(stdout);
    job->pid = fork();
    if (job->pid == 0) {
        t.runs_max = t.runs_max / jobs + (first < t.runs_max % jobs);
        t.seed += first;
        run_worlds(&t, depth, first, jobs);
        (void)fflush(stdout);
        _exit(write(ends[1], &t, sizeof(t)) != (ssize_t)sizeof(t));
    }
    (void)close(ends[1]);
    job->result = ends[0];
    return job->pid < 0 ? -1 : 0;
}

/* A job that died has found something, too. */
static void job_end(const struct job *job, struct tally *sum)
{
    struct tally t;

    if (read(job->result, &t, sizeof(t)) == (ssize_t)sizeof(t)) {
        tally_add(sum, &t);
    } else {
        sum->bricks++;
    }
    (void)close(job->result);
    (void)waitpid(job->pid, NULL, 0);
}

static void run_jobs(struct tally *t, unsigned depth, unsigned jobs)
{
    struct job job[JOBS_MAX];
    unsigned n = 0;

    while (n < jobs && job_begin(&job[n], *t, depth, n, jobs) == 0)
        n++;
    if (n < jobs)
        t->bricks++;
    for (unsigned k = 0; k < n; k++)
        job_end(&job[k], t);
}

static int report_mutants(uint64_t runs)
{
    unsigned killed;
    unsigned total;

    if (mutants_run(runs, &killed, &total)) {
        fprintf(stderr, "powercut: no powercut-mutants beside this program\n");
        return 2;
    }
    printf("powercut: %u/%u mutants killed\n", killed, total);
    return killed != total;
}

static int report(const struct tally *t)
{
    for (unsigned s = 0; s < SUITE_COUNT; s++)
        printf("%9" PRIu64 "  %s\n", t->count[s], suite_name((enum suite)s));
    printf("%9" PRIu64 "  of these were held, and a full image helped\n",
           t->held);
    printf("powercut: %" PRIu64 " runs, %" PRIu64 " bricks\n", t->runs,
           t->bricks);
    return t->bricks != 0;
}

static const struct option options[] = {
    {"runs", required_argument, NULL, 'n'},
    {"jobs", required_argument, NULL, 'j'},
    {"depth", required_argument, NULL, 'd'},
    {"seed", required_argument, NULL, 's'},
    {"bricks", required_argument, NULL, 'b'},
    {"replay", required_argument, NULL, 'r'},
    {"wear", required_argument, NULL, 'w'},
    {"unit", required_argument, NULL, 'u'},
    {"mutants", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

int main(int argc, char **argv)
{
    struct tally t = {.runs_max = 50000, .bricks_max = 10, .seed = 1};
    unsigned depth = 0;
    unsigned jobs = 1;
    const char *pairs = NULL;
    uint16_t unit = 32;
    bool mutants = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'n')
            t.runs_max = strtoull(optarg, NULL, 10);
        else if (c == 'j')
            jobs = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'd')
            depth = (unsigned)strtoul(optarg, NULL, 10) & 15;
        else if (c == 's')
            t.seed = strtoull(optarg, NULL, 10);
        else if (c == 'b')
            t.bricks_max = strtoull(optarg, NULL, 10);
        else if (c == 'm')
            mutants = true;
        else if (c == 'w')
            pairs = optarg;
        else if (c == 'u')
            unit = (uint16_t)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            return replay(optarg);
        else
            return usage(c == 'h' ? 0 : 2);
    }
    if (pairs)
        return wear_print(pairs, unit);
    if (mutants)
        return report_mutants(t.runs_max);
    if (jobs > 1 && jobs <= JOBS_MAX)
        run_jobs(&t, depth, jobs);
    else
        run_worlds(&t, depth, 0, 1);
    return report(&t);
}
