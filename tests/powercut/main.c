/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "powercut/mutants.h"
#include "powercut/suites.h"

#define JOBS_MAX 64

static struct world world; /* large */

static int usage(int status)
{
    fprintf(status ? stderr : stdout,
            "usage: powercut [--runs N] [--jobs J] [--depth D] [--seed S]\n"
            "                [--bricks N]\n"
            "       powercut --mutants [--runs N]\n"
            "       powercut --replay LINE\n"
            "Cuts the power of simulated devices in the middle of updates.\n"
            "  --runs N     stop after so many runs (50000)\n"
            "  --jobs J     in so many processes (1)\n"
            "  --depth D    how much is tried on each device (0)\n"
            "  --bricks N   stop after so many failures (10)\n"
            "  --seed S     another sequence (1)\n"
            "  --mutants    are updaters with a broken rule found?\n"
            "  --replay L   run what a BRICK line names\n");
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

/* Devices in an order that mixes everything early; each is another pair of
 * images, so no two runs are the same. Every step-th one, from first on. */
static void run_worlds(struct tally *t, unsigned depth, unsigned first,
                       unsigned step)
{
    uint64_t seed = t->seed;

    for (unsigned n = first; !tally_full(t); n += step) {
        struct world_id id = {n % world_geometries,
                              n / 3 % MODE_COUNT,
                              n % SHAPE_COUNT,
                              0,
                              n & 1,
                              n};

        id.mode = pick(&seed, MODE_COUNT);
        if (n >= SHAPE_COUNT * 4)
            id.shape = pick(&seed, SHAPE_COUNT);
        if (pick(&seed, 3) == 0)
            id.kind = pick(&seed, KIND_COUNT);
        if (id.kind == KIND_SELF)
            id.descending = 0;
        if (world_create(&world, &id) == 0)
            suites_run(t, &world, depth);
        else
            t->bricks++;
        world_destroy(&world);
    }
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
        sum->runs += t.runs;
        sum->bricks += t.bricks;
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

static const struct option options[] = {
    {"runs", required_argument, NULL, 'n'},
    {"jobs", required_argument, NULL, 'j'},
    {"depth", required_argument, NULL, 'd'},
    {"seed", required_argument, NULL, 's'},
    {"bricks", required_argument, NULL, 'b'},
    {"replay", required_argument, NULL, 'r'},
    {"mutants", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

int main(int argc, char **argv)
{
    struct tally t = {.runs_max = 50000, .bricks_max = 10, .seed = 1};
    unsigned depth = 0;
    unsigned jobs = 1;
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
        else if (c == 'r')
            return replay(optarg);
        else
            return usage(c == 'h' ? 0 : 2);
    }
    if (mutants)
        return report_mutants(t.runs_max);
    if (jobs > 1 && jobs <= JOBS_MAX)
        run_jobs(&t, depth, jobs);
    else
        run_worlds(&t, depth, 0, 1);
    printf("powercut: %" PRIu64 " runs, %" PRIu64 " bricks\n", t.runs,
           t.bricks);
    return t.bricks != 0;
}
