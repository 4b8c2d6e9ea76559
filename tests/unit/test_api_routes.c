/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the code and those of the OpenAPI file are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/api/api_schema.h"

static void every_call_of_the_code_is_in_the_file(void **state)
{
    (void)state;
    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            if (!api_schema_operation(r->method, r->path))
                fail_msg("%s (%d) is not in openapi.json", r->path, r->method);
        }
    }
}

static const struct api_route *route_of(const json_t *operation)
{
    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            if (api_schema_operation(r->method, r->path) == operation)
                return r;
        }
    }
    return NULL;
}

static void every_call_of_the_file_is_in_the_code(void **state)
{
    const char *key;
    json_t *operation;

    (void)state;
    assert_true(json_object_size(api_schema_all()) > 50);
    json_object_foreach((json_t *)(uintptr_t)api_schema_all(), key, operation)
    {
        if (!route_of(operation))
            fail_msg("%s is only in openapi.json", key);
    }
}

static void roles_are_those_of_the_file(void **state)
{
    (void)state;
    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            const char *role = json_string_value(json_object_get(
                api_schema_operation(r->method, r->path), "x-role"));

            if (r->how & API_ANYBODY)
                assert_null(role);
            else
                assert_string_equal(role, people_role_word(r->role));
        }
    }
}

static bool has_key(const json_t *operation)
{
    const json_t *parameters = json_object_get(operation, "parameters");
    const json_t *one;
    size_t i;

    json_array_foreach(parameters, i, one)
    {
        const char *ref = json_string_value(json_object_get(one, "$ref"));

        if (ref && strstr(ref, "/IdempotencyKey"))
            return true;
    }
    return false;
}

/* What a route does with the key is what the file promises. */
static void keys_of_repetition_are_those_of_the_file(void **state)
{
    (void)state;
    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            bool takes = r->how & API_WRITES && !(r->how & API_NO_KEY);

            if (takes != has_key(api_schema_operation(r->method, r->path)))
                fail_msg("%s (%d): Idempotency-Key", r->path, r->method);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_the_code_is_in_the_file),
        cmocka_unit_test(every_call_of_the_file_is_in_the_code),
        cmocka_unit_test(roles_are_those_of_the_file),
        cmocka_unit_test(keys_of_repetition_are_those_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
