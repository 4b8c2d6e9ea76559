/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfotad_next is dfotad one release on: a step more than ours, beside which
 * ours can work; with DFOTA_NEXT_BREAKS in its environment two, of which the
 * second says that ours cannot.
 */
#define schema_steps schema_steps_of_now
/* NOLINTNEXTLINE(bugprone-suspicious-include): its table has another name */
#include "server/store/schema_steps.c"
#undef schema_steps

#include <stdlib.h>

struct schema_step schema_steps[64];

__attribute__((constructor)) static void add_steps(void)
{
    size_t n = 0;

    for (; schema_steps_of_now[n].number && n < 60; n++)
        schema_steps[n] = schema_steps_of_now[n];
    schema_steps[n++] =
        (struct schema_step){9000, 1,
                             "ALTER TABLE plan ADD COLUMN next_thing TEXT;"
                             "CREATE TABLE next_table (id {id}, plan BIGINT);"};
    if (getenv("DFOTA_NEXT_BREAKS"))
        schema_steps[n] = (struct schema_step){
            9001, 9001, "ALTER TABLE plan DROP COLUMN next_thing"};
}
