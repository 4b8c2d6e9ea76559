/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An empty database for a test: that of DFOTA_TEST_DATABASE (a PostgreSQL of
 * tests/tools/with_postgresql.py), else an SQLite file in a new folder.
 */
#ifndef DFOTA_TESTS_SCRATCH_H
#define DFOTA_TESTS_SCRATCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/store/sql.h"

struct scratch {
    char folder[64];
    char url[256];
    bool shared;
};

static inline void scratch_open(struct scratch *s)
{
    const char *url = getenv("DFOTA_TEST_DATABASE");
    struct sql *sql;

    strcpy(s->folder, "/tmp/dfota-scratch-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    s->shared = url != NULL;
    if (url)
        snprintf(s->url, sizeof s->url, "%s", url);
    else
        snprintf(s->url, sizeof s->url, "sqlite:%s/db", s->folder);
    if (!url)
        return;
    assert_int_equal(sql_open(s->url, &sql), 0);
    assert_int_equal(
        sql_script(sql, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"), 0);
    sql_close(sql);
}

static inline void scratch_close(struct scratch *s)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

#endif
