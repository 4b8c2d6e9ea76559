/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/contexts.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

static const char *const types[] = {"", "IP", "IPV6", "IPV4V6"};

void contexts_init(struct pdp_context contexts[CONTEXTS])
{
    memset(contexts, 0, CONTEXTS * sizeof *contexts);
    contexts[0].defined = true;
    contexts[0].type = 3;
}

const char *contexts_type(uint8_t type)
{
    return types[type & 3];
}

uint8_t contexts_find_type(const char *name)
{
    for (uint8_t i = 1; i < 4; i++) {
        if (strcasecmp(name, types[i]) == 0)
            return i;
    }
    return 0;
}

static bool take_text(char *to, const char *text)
{
    size_t len = strlen(text);

    if (len >= CONTEXT_TEXT_MAX)
        return false;
    memcpy(to, text, len + 1);
    return true;
}

static bool take_one(struct pdp_context contexts[CONTEXTS], const json_t *one)
{
    const char *apn, *user, *password;
    int cid, type, auth;

    if (json_unpack((json_t *)one, "{si si si ss ss ss}", "cid", &cid, "type",
                    &type, "auth", &auth, "apn", &apn, "user", &user,
                    "password", &password) != 0 ||
        cid < 1 || cid > CONTEXTS || type < 1 || type > 3 || auth < 0 ||
        auth > 3)
        return false;
    contexts[cid - 1] = (struct pdp_context){
        .defined = true, .type = (uint8_t)type, .auth = (uint8_t)auth};
    return take_text(contexts[cid - 1].apn, apn) &&
           take_text(contexts[cid - 1].user, user) &&
           take_text(contexts[cid - 1].password, password);
}

bool contexts_take(struct pdp_context contexts[CONTEXTS], const json_t *array)
{
    struct pdp_context taken[CONTEXTS] = {0};
    const json_t *one;
    size_t i;

    if (!json_is_array(array))
        return false;
    json_array_foreach(array, i, one)
    {
        if (!take_one(taken, one))
            return false;
    }
    memcpy(contexts, taken, sizeof taken);
    return true;
}

json_t *contexts_give(const struct pdp_context contexts[CONTEXTS])
{
    json_t *array = json_array();

    for (int i = 0; array && i < CONTEXTS; i++) {
        const struct pdp_context *c = &contexts[i];

        if (!c->defined)
            continue;
        if (json_array_append_new(array,
                                  json_pack("{si si si ss ss ss}", "cid", i + 1,
                                            "type", c->type, "auth", c->auth,
                                            "apn", c->apn, "user", c->user,
                                            "password", c->password)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
