/* SPDX-License-Identifier: Apache-2.0 */
/* The same tests for every database: see scratch.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "unit/scratch.h"

#include "base/err.h"
#include "server/store/schema.h"
#include "server/store/store.h"

static int set_up(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);

    scratch_open(scratch);
    *state = scratch;
    return 0;
}

static int tear_down(void **state)
{
    scratch_close(*state);
    free(*state);
    return 0;
}

static struct store *open_store(struct scratch *scratch)
{
    const struct store_config config = {.url = scratch->url};
    struct store *store = NULL;

    assert_int_equal(store_open(&config, &store), 0);
    return store;
}

static int64_t number_of(struct scratch *scratch, const char *question)
{
    struct sql *sql;
    int64_t number = -1;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(sql_one_int(sql, &number, question, SQL_NONE), 0);
    sql_close(sql);
    return number;
}

static void values_come_back_as_they_went_in(void **state)
{
    struct scratch *scratch = *state;
    struct sql_rows rows;
    struct sql *sql;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(
        sql_script(sql, "CREATE TABLE t (id {id}, n BIGINT, s TEXT)"), 0);
    assert_int_equal(sql_run(sql,
                             "INSERT INTO t (n, s) VALUES ($1, $2), ($3, $4)",
                             SQL_ARGS(SQL_INT(INT64_MIN),
                                      SQL_TEXT("a'b\n\xC3"
                                               "\xBC"),
                                      SQL_INT(INT64_MAX), SQL_TEXT(NULL)),
                             NULL),
                     0);
    assert_int_equal(
        sql_query(sql, &rows, "SELECT id, n, s FROM t ORDER BY id", SQL_NONE),
        0);
    assert_int_equal(sql_next(&rows), DFOTA_MORE);
    assert_int_equal(sql_int(&rows, 0), 1);
    assert_true(sql_int(&rows, 1) == INT64_MIN);
    assert_string_equal(sql_text(&rows, 2), "a'b\n\xC3\xBC");
    assert_int_equal(sql_next(&rows), DFOTA_MORE);
    assert_true(sql_int(&rows, 1) == INT64_MAX);
    assert_null(sql_text(&rows, 2));
    assert_int_equal(sql_int(&rows, 2), 0);
    assert_int_equal(sql_next(&rows), 0);
    sql_done(&rows);
    sql_close(sql);
}

static void more_texts_than_places_for_statements_all_work(void **state)
{
    struct scratch *scratch = *state;
    struct sql *sql;
    char text[64];
    int64_t number;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 600; i++) {
            snprintf(text, sizeof text, "SELECT %d", i);
            assert_int_equal(sql_one_int(sql, &number, text, SQL_NONE), 0);
            assert_int_equal(number, i);
        }
    }
    sql_close(sql);
}

static void two_cursors_over_one_text_do_not_meet(void **state)
{
    struct scratch *scratch = *state;
    static const char text[] = "SELECT 1 UNION SELECT 2 ORDER BY 1";
    struct sql_rows one, two;
    struct sql *sql;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(sql_query(sql, &one, text, SQL_NONE), 0);
    assert_int_equal(sql_next(&one), DFOTA_MORE);
    assert_int_equal(sql_query(sql, &two, text, SQL_NONE), 0);
    assert_int_equal(sql_next(&two), DFOTA_MORE);
    assert_int_equal(sql_int(&two, 0), 1);
    sql_done(&two);
    assert_int_equal(sql_next(&one), DFOTA_MORE);
    assert_int_equal(sql_int(&one, 0), 2);
    sql_done(&one);
    sql_close(sql);
}

static void a_second_start_changes_nothing(void **state)
{
    struct scratch *scratch = *state;

    static const char steps[] = "SELECT count(*) FROM schema_step";
    int64_t first;

    store_close(open_store(scratch));
    first = number_of(scratch, steps);
    assert_true(first > 0);
    store_close(open_store(scratch));
    assert_int_equal(number_of(scratch, steps), first);
    assert_int_equal(number_of(scratch, "SELECT count(*) FROM tenant"), 1);
}

static void a_newer_database_is_refused_unless_it_says_otherwise(void **state)
{
    static const struct schema_step both[] = {
        {1, 1, "CREATE TABLE a (n BIGINT)"},
        {2, 1, "ALTER TABLE a ADD COLUMN m BIGINT"},
        {3, 2, "CREATE TABLE b (n BIGINT)"},
        {0}};
    static const struct schema_step first[] = {{1, 1, ""}, {0}};
    static const struct schema_step second[] = {{1, 1, ""}, {2, 1, ""}, {0}};
    struct scratch *scratch = *state;
    struct sql *sql;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(schema_migrate(sql, both), 0);
    assert_int_equal(schema_migrate(sql, both), 0);
    assert_int_equal(schema_migrate(sql, second), 0);
    assert_int_equal(schema_check(sql, second), 0);
    assert_int_equal(schema_migrate(sql, first), DFOTA_E_VERSION);
    sql_close(sql);
}

static void a_step_that_fails_leaves_nothing(void **state)
{
    static const struct schema_step good[] = {{1, 1,
                                               "CREATE TABLE a (n "
                                               "BIGINT)"},
                                              {0}};
    static const struct schema_step bad[] = {
        {1, 1, ""}, {2, 1, "CREATE TABLE b (n BIGINT); SELEKT"}, {0}};
    struct scratch *scratch = *state;
    struct sql *sql;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(schema_migrate(sql, good), 0);
    assert_true(schema_migrate(sql, bad) < 0);
    assert_int_equal(number_of(scratch, "SELECT max(number) FROM schema_step"),
                     1);
    assert_int_equal(sql_script(sql, "CREATE TABLE b (n BIGINT)"), 0);
    sql_close(sql);
}

/* A fact: a tenant with that name; "" fails after it wrote something. */
struct fact {
    struct job job;
    char name[24];
    pthread_mutex_t *lock;
    pthread_cond_t *wake;
    unsigned *left;
    int err;
    pthread_mutex_t *gate; /* held by the test: the writer waits there */
};

static int write_fact(struct sql *sql, struct job *job)
{
    struct fact *fact = (struct fact *)job;
    bool fails = fact->name[0] == '\0';
    int err;

    if (fact->gate) {
        pthread_mutex_lock(fact->gate);
        pthread_mutex_unlock(fact->gate);
    }
    err = sql_run(sql, "INSERT INTO tenant (name) VALUES ($1)",
                  SQL_ARGS(SQL_TEXT(fails ? "half" : fact->name)), NULL);
    return err ? err : fails ? DFOTA_E_CANCELLED : 0;
}

static void fact_done(struct job *job, int err)
{
    struct fact *fact = (struct fact *)job;

    pthread_mutex_lock(fact->lock);
    fact->err = err;
    --*fact->left;
    pthread_cond_signal(fact->wake);
    pthread_mutex_unlock(fact->lock);
}

struct facts {
    pthread_mutex_t lock, gate;
    pthread_cond_t wake;
    unsigned left;
    struct fact all[64];
};

static void facts_init(struct facts *facts)
{
    memset(facts, 0, sizeof *facts);
    pthread_mutex_init(&facts->lock, NULL);
    pthread_mutex_init(&facts->gate, NULL);
    pthread_cond_init(&facts->wake, NULL);
}

static void post(struct store *store, struct facts *facts, unsigned i,
                 const char *name)
{
    struct fact *fact = &facts->all[i];

    *fact = (struct fact){.job = {.run = write_fact, .done = fact_done},
                          .lock = &facts->lock,
                          .wake = &facts->wake,
                          .left = &facts->left,
                          .err = 1};
    snprintf(fact->name, sizeof fact->name, "%s", name);
    if (i == 0)
        fact->gate = &facts->gate;
    pthread_mutex_lock(&facts->lock);
    facts->left++;
    pthread_mutex_unlock(&facts->lock);
    assert_int_equal(store_post(store, &fact->job), 0);
}

static void wait_for_all(struct facts *facts)
{
    pthread_mutex_lock(&facts->lock);
    while (facts->left > 0)
        pthread_cond_wait(&facts->wake, &facts->lock);
    pthread_mutex_unlock(&facts->lock);
}

static void a_failed_job_takes_nothing_and_nobody_with_it(void **state)
{
    struct scratch *scratch = *state;
    struct store *store = open_store(scratch);
    struct facts facts;

    facts_init(&facts);
    pthread_mutex_lock(&facts.gate); /* so that the rest is one batch */
    post(store, &facts, 0, "first");
    post(store, &facts, 1, "a");
    post(store, &facts, 2, "");
    post(store, &facts, 3, "b");
    post(store, &facts, 4, "a");
    post(store, &facts, 5, "c");
    pthread_mutex_unlock(&facts.gate);
    wait_for_all(&facts);
    assert_int_equal(facts.all[0].err, 0);
    assert_int_equal(facts.all[1].err, 0);
    assert_int_equal(facts.all[2].err, DFOTA_E_CANCELLED);
    assert_int_equal(facts.all[3].err, 0);
    assert_int_equal(facts.all[4].err, DFOTA_E_STATE);
    assert_int_equal(facts.all[5].err, 0);
    assert_int_equal(number_of(scratch, "SELECT count(*) FROM tenant "
                                        "WHERE name IN ('first', 'a', 'b', "
                                        "'c')"),
                     4);
    assert_int_equal(
        number_of(scratch, "SELECT count(*) FROM tenant WHERE name = 'half'"),
        0);
    store_close(store);
}

static void many_jobs_share_a_commit(void **state)
{
    struct scratch *scratch = *state;
    struct store *store = open_store(scratch);
    unsigned long commits, jobs;
    struct facts facts;
    char name[16];

    facts_init(&facts);
    pthread_mutex_lock(&facts.gate);
    for (unsigned i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "t%u", i);
        post(store, &facts, i, name);
    }
    pthread_mutex_unlock(&facts.gate);
    wait_for_all(&facts);
    store_count(store, &commits, &jobs);
    assert_int_equal(jobs, 64);
    assert_true(commits <= 2);
    store_close(store);
}

static void a_full_queue_refuses_and_says_so(void **state)
{
    struct scratch *scratch = *state;
    struct sql *sql;
    struct writer *writer;
    struct facts facts;
    struct fact *fact;

    store_close(open_store(scratch));
    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(
        writer_start(&(struct writer_config){.sql = sql, .queue_max = 4},
                     &writer),
        0);
    facts_init(&facts);
    pthread_mutex_lock(&facts.gate);
    for (unsigned i = 0, full = 0; !full; i++) {
        assert_true(i < 10);
        fact = &facts.all[i];
        *fact = (struct fact){.job = {.run = write_fact, .done = fact_done},
                              .lock = &facts.lock,
                              .wake = &facts.wake,
                              .left = &facts.left,
                              .gate = &facts.gate};
        snprintf(fact->name, sizeof fact->name, "n%u", i);
        pthread_mutex_lock(&facts.lock);
        facts.left++;
        pthread_mutex_unlock(&facts.lock);
        full = writer_post(writer, &fact->job) == DFOTA_E_FULL;
        assert_true(full || i < 5 + 4);
    }
    pthread_mutex_lock(&facts.lock);
    facts.left--; /* the refused one is never done */
    pthread_mutex_unlock(&facts.lock);
    pthread_mutex_unlock(&facts.gate);
    wait_for_all(&facts);
    writer_refuse(writer, true);
    assert_int_equal(writer_post(writer, &facts.all[0].job), DFOTA_E_FULL);
    writer_stop(writer);
    sql_close(sql);
}

struct adder {
    struct job job;
    struct store *store;
    unsigned times;
};

static int add_one(struct sql *sql, struct job *job)
{
    (void)job;
    return sql_run(sql,
                   "UPDATE counter SET value = value + 1 WHERE name = 'change'",
                   SQL_NONE, NULL);
}

static void *add_many(void *ctx)
{
    struct adder *adder = ctx;

    adder->job.run = add_one;
    for (unsigned i = 0; i < adder->times; i++)
        assert_int_equal(store_do(adder->store, &adder->job), 0);
    return NULL;
}

static void two_nodes_lose_none_of_their_writes(void **state)
{
    struct scratch *scratch = *state;
    struct store *stores[2] = {open_store(scratch), open_store(scratch)};
    struct adder adders[4];
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        adders[i] = (struct adder){.store = stores[i % 2], .times = 50};
        assert_int_equal(
            pthread_create(&threads[i], NULL, add_many, &adders[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(number_of(scratch, "SELECT value FROM counter"), 200);
    store_close(stores[0]);
    store_close(stores[1]);
}

/* The child acknowledges through a pipe what is committed, until it dies. */
static void acknowledge_for_ever(struct scratch *scratch, int pipe_fd, int life)
{
    struct store *store = open_store(scratch);
    struct facts facts;
    uint32_t number = 0;
    char name[24];

    facts_init(&facts);
    for (;;) {
        snprintf(name, sizeof name, "k%d-%u", life, number);
        post(store, &facts, 0, name);
        wait_for_all(&facts);
        if (facts.all[0].err ||
            write(pipe_fd, &number, sizeof number) != sizeof number)
            _exit(2);
        number++;
    }
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    enum { LIVES = 12 };
    struct scratch *scratch = *state;
    uint32_t number, last;
    char question[96];
    int pipes[2];
    pid_t child;

    store_close(open_store(scratch));
    for (int life = 0; life < LIVES; life++) {
        assert_int_equal(pipe(pipes), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            acknowledge_for_ever(scratch, pipes[1], life);
        close(pipes[1]);
        last = UINT32_MAX;
        while (read(pipes[0], &number, sizeof number) == sizeof number) {
            last = number;
            if (number == (uint32_t)(3 + 7 * life))
                kill(child, SIGKILL);
        }
        close(pipes[0]);
        waitpid(child, NULL, 0);
        assert_true(last != UINT32_MAX);
        snprintf(question, sizeof question,
                 "SELECT count(*) FROM tenant WHERE name LIKE 'k%d-%%'", life);
        assert_in_range(number_of(scratch, question), last + 1, last + 2);
    }
}

static void a_reader_sees_what_is_committed(void **state)
{
    struct scratch *scratch = *state;
    struct store *store = open_store(scratch);
    struct adder adder = {.job = {.run = add_one}, .store = store};
    struct sql *sql;
    int64_t value;

    assert_int_equal(store_do(store, &adder.job), 0);
    assert_int_equal(store_read_begin(store, &sql), 0);
    assert_int_equal(
        sql_one_int(sql, &value, "SELECT value FROM counter", SQL_NONE), 0);
    assert_int_equal(value, 1);
    store_read_end(store, sql);
    store_close(store);
}

static long size_of_log(const struct scratch *scratch)
{
    char path[300];
    FILE *log;
    long size = 0;

    snprintf(path, sizeof path, "%s-wal", scratch->url + 7);
    log = fopen(path, "rb");
    if (log) {
        fseek(log, 0, SEEK_END);
        size = ftell(log);
        fclose(log);
    }
    return size;
}

static void the_log_of_sqlite_is_put_back_before_anything_is_taken(void **state)
{
    struct scratch *scratch = *state;
    struct adder adder = {.job = {.run = add_one}};

    if (scratch->shared)
        return;
    if (fork() == 0) { /* ends without closing anything */
        adder.store = open_store(scratch);
        _exit(store_do(adder.store, &adder.job) == 0 ? 0 : 1);
    }
    wait(NULL);
    assert_true(size_of_log(scratch) > 0);
    adder.store = open_store(scratch);
    assert_int_equal(size_of_log(scratch), 0);
    store_close(adder.store);
}

/* The database library syncs through these. */
static bool disk_is_broken;

int fsync(int fd)
{
    if (disk_is_broken) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fsync(fd);
}

static void
a_failed_fsync_ends_the_process_before_it_is_acknowledged(void **state)
{
    struct scratch *scratch = *state;
    struct adder adder = {.job = {.run = add_one}};
    int status = 0;
    pid_t child;

    if (scratch->shared)
        return;
    store_close(open_store(scratch));
    child = fork();
    if (child == 0) {
        adder.store = open_store(scratch);
        if (store_do(adder.store, &adder.job) != 0)
            _exit(3);
        disk_is_broken = true;
        store_do(adder.store, &adder.job);
        _exit(4); /* whatever it was told, it should not be here */
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    adder.store = open_store(scratch);
    assert_in_range(number_of(scratch, "SELECT value FROM counter"), 1, 2);
    store_close(adder.store);
}

static int write_much(struct sql *sql, struct job *job)
{
    char *text = malloc(5 << 20);
    int err;

    (void)job;
    memset(text, 'x', (5 << 20) - 1);
    text[(5 << 20) - 1] = '\0';
    err = sql_run(sql, "INSERT INTO tenant (name) VALUES ($1)",
                  SQL_ARGS(SQL_TEXT(text)), NULL);
    free(text);
    return err;
}

/* What it puts back is not acknowledged to anybody; but of a file whose sync
 * failed nobody knows what is in it. */
static void a_checkpoint_that_fails_ends_the_process(void **state)
{
    struct scratch *scratch = *state;
    struct job much = {.run = write_much};
    int status = 0;
    pid_t child;

    if (scratch->shared)
        return;
    child = fork();
    if (child == 0) {
        alarm(60);
        if (store_do(open_store(scratch), &much) != 0)
            _exit(3);
        disk_is_broken = true;
        for (;;)
            pause();
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    store_close(open_store(scratch));
    assert_int_equal(number_of(scratch, "SELECT count(*) FROM tenant"), 2);
}

static void a_node_that_stands_still_does_not_hold_up_the_others(void **state)
{
    struct scratch *scratch = *state;
    struct adder adder = {.job = {.run = add_one}};
    struct sql *still;

    if (!scratch->shared)
        return;
    adder.store = open_store(scratch);
    assert_int_equal(sql_open(scratch->url, &still), 0);
    assert_int_equal(sql_begin(still), 0);
    assert_int_equal(add_one(still, NULL), 0);
    assert_int_equal(store_do(adder.store, &adder.job), 0);
    assert_int_equal(sql_commit(still), DFOTA_E_CONNECT);
    assert_int_equal(number_of(scratch, "SELECT value FROM counter"), 1);
    assert_int_equal(sql_begin(still), 0); /* on a new connection */
    sql_rollback(still);
    sql_close(still);
    store_close(adder.store);
}

static void the_clock_of_the_database_can_be_read(void **state)
{
    struct scratch *scratch = *state;
    int64_t now = 0;
    struct sql *sql;

    assert_int_equal(sql_open(scratch->url, &sql), 0);
    if (scratch->shared) {
        assert_int_equal(sql_clock_ms(sql, &now), 0);
        assert_in_range(now / 1000, time(NULL) - 30, time(NULL) + 30);
    } else {
        assert_int_equal(sql_clock_ms(sql, &now), DFOTA_E_UNSUPPORTED);
    }
    sql_close(sql);
}

static void a_reader_outlives_a_restart_of_the_database(void **state)
{
    struct scratch *scratch = *state;
    struct sql *sql, *other;
    int64_t n = 0, backend = 0;

    if (!scratch->shared)
        return;
    assert_int_equal(sql_open(scratch->url, &sql), 0);
    assert_int_equal(sql_open(scratch->url, &other), 0);
    assert_int_equal(
        sql_one_int(sql, &backend, "SELECT pg_backend_pid()", SQL_NONE), 0);
    assert_int_equal(sql_one_int(other, &n,
                                 "SELECT count(*) FROM (SELECT "
                                 "pg_terminate_backend($1::int, 60000)) t",
                                 SQL_ARGS(SQL_INT(backend))),
                     0);
    assert_int_equal(sql_one_int(sql, &n, "SELECT 7", SQL_NONE), 0);
    assert_int_equal(n, 7);
    sql_close(other);
    sql_close(sql);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(values_come_back_as_they_went_in),
        WITH(more_texts_than_places_for_statements_all_work),
        WITH(two_cursors_over_one_text_do_not_meet),
        WITH(a_second_start_changes_nothing),
        WITH(a_newer_database_is_refused_unless_it_says_otherwise),
        WITH(a_step_that_fails_leaves_nothing),
        WITH(a_failed_job_takes_nothing_and_nobody_with_it),
        WITH(many_jobs_share_a_commit),
        WITH(a_full_queue_refuses_and_says_so),
        WITH(two_nodes_lose_none_of_their_writes),
        WITH(what_was_acknowledged_survives_kill_9),
        WITH(a_reader_sees_what_is_committed),
        WITH(a_failed_fsync_ends_the_process_before_it_is_acknowledged),
        WITH(the_log_of_sqlite_is_put_back_before_anything_is_taken),
        WITH(a_checkpoint_that_fails_ends_the_process),
        WITH(a_node_that_stands_still_does_not_hold_up_the_others),
        WITH(the_clock_of_the_database_can_be_read),
        WITH(a_reader_outlives_a_restart_of_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
