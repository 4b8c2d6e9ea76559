/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "server/fleet/units.h"

/* ---- access: <key>.<tenant>.<imei>.<scope>.<expires>.<signature> ---- */

int token_make(const struct node *node, const struct token *token,
               char out[TOKEN_ROOM])
{
    struct fleet_key key;
    char signature[SECRETS_SIG_ROOM];
    int err = fleet_key(node->fleet, "token", 0, &key), len;

    if (err)
        return err;
    len = snprintf(out, TOKEN_ROOM,
                   "%" PRId64 ".%" PRId64 ".%015" PRIu64 ".%s.%" PRId64, key.id,
                   token->tenant, token->imei, token->scope, token->expires);
    secrets_mac(key.secret, out, signature);
    snprintf(out + len, TOKEN_ROOM - (size_t)len, ".%s", signature);
    return 0;
}

static bool take_part(char **at, char **part)
{
    *part = *at;
    *at += strcspn(*at, ".");
    if (**at != '.')
        return false;
    *(*at)++ = '\0';
    return true;
}

static bool parse(char *text, struct token *out, int64_t *key)
{
    char *part;

    if (!take_part(&text, &part) || !units_number(part, 1, INT64_MAX, key))
        return false;
    if (!take_part(&text, &part) ||
        !units_number(part, 1, INT64_MAX, &out->tenant))
        return false;
    if (!take_part(&text, &part) || !plan_imei_parse(part, &out->imei))
        return false;
    if (!take_part(&text, &part) || strlen(part) >= sizeof out->scope)
        return false;
    snprintf(out->scope, sizeof out->scope, "%s", part);
    return units_number(text, 1, INT64_MAX, &out->expires);
}

int token_check(const struct node *node, const char *header, int64_t now,
                struct token *out)
{
    char text[TOKEN_ROOM], signature[SECRETS_SIG_ROOM], signed_part[TOKEN_ROOM];
    struct fleet_key key;
    char *dot;
    int64_t id;

    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return S4_TOKEN_MISSING;
    header += 7 + strspn(header + 7, " ");
    if (*header == '\0')
        return S4_TOKEN_MISSING;
    if (strlen(header) >= sizeof text)
        return S4_TOKEN_INVALID;
    snprintf(text, sizeof text, "%s", header);
    dot = strrchr(text, '.');
    if (!dot)
        return S4_TOKEN_INVALID;
    *dot = '\0';
    snprintf(signed_part, sizeof signed_part, "%s", text);
    if (!parse(text, out, &id) ||
        fleet_key(node->fleet, "token", id, &key) != 0)
        return S4_TOKEN_INVALID;
    secrets_mac(key.secret, signed_part, signature);
    if (!secrets_equal(signature, dot + 1))
        return S4_TOKEN_INVALID;
    return now > out->expires + TOKEN_GRACE_S ? S4_TOKEN_EXPIRED : 0;
}

/* ---- names and passwords ---- */

void token_hash_password(const struct node *node, const char *password,
                         char out[SECRETS_HEX_ROOM])
{
    secrets_mac_hex(node->secret, password, out);
}

struct owner {
    int64_t id, tenant;
    uint64_t imei;
    char password[SECRETS_HEX_ROOM];
};

static int find_owner(struct sql *sql, const char *column_query,
                      const struct sql_arg *arg, struct owner *out)
{
    struct sql_rows rows;
    const char *password;
    int err = sql_query(sql, &rows, column_query, arg, 1);

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        *out = (struct owner){.id = sql_int(&rows, 0),
                              .tenant = sql_int(&rows, 1)};
        plan_imei_parse(sql_text(&rows, 2), &out->imei);
        password = sql_text(&rows, 3);
        snprintf(out->password, sizeof out->password, "%s",
                 password ? password : "");
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

static int give_out(const struct node *node, const struct owner *owner,
                    const char *refresh, int64_t issued, struct token_pair *out)
{
    const struct token token = {.tenant = owner->tenant,
                                .imei = owner->imei,
                                .scope = "pr",
                                .expires = issued + TOKEN_ACCESS_S};

    snprintf(out->refresh, sizeof out->refresh, "%s", refresh);
    out->expires_in = TOKEN_ACCESS_S;
    return token_make(node, &token, out->access);
}

static int keep_refresh(struct sql *sql, const struct owner *owner,
                        const char *refresh, const char *family, int64_t now)
{
    char hash[SECRETS_HEX_ROOM];

    secrets_hash(refresh, strlen(refresh), hash);
    return sql_run(sql,
                   "INSERT INTO refresh (hash, module, family, issued, "
                   "expires, replaced) VALUES ($1, $2, $3, $4, $5, 0) "
                   "ON CONFLICT DO NOTHING",
                   SQL_ARGS(SQL_TEXT(hash), SQL_INT(owner->id),
                            SQL_TEXT(family), SQL_INT(now),
                            SQL_INT(now + TOKEN_REFRESH_S)),
                   NULL);
}

int token_by_password(const struct node *node, struct sql *sql,
                      const char *name, const char *password, uint64_t imei,
                      const char *refresh, struct token_pair *out, int *code)
{
    int64_t now = clock_wall(node->clock);
    char hash[SECRETS_HEX_ROOM], family[SECRETS_HEX_ROOM];
    const struct sql_arg arg = SQL_TEXT(name);
    struct owner owner;
    int err = find_owner(sql,
                         "SELECT id, tenant, imei, password FROM module "
                         "WHERE name = $1 AND state <> 'retired'",
                         &arg, &owner);

    *code = S4_NO_INFO;
    if (err == DFOTA_E_NOTFOUND || (!err && owner.imei != imei))
        return 0;
    if (err)
        return err;
    *code = S4_PASSWORD;
    token_hash_password(node, password, hash);
    if (!secrets_equal(owner.password, hash))
        return 0;
    *code = 0;
    secrets_hash(refresh, strlen(refresh), family);
    err = keep_refresh(sql, &owner, refresh, family, now);
    return err ? err : give_out(node, &owner, refresh, now, out);
}

/* ---- refresh tokens ---- */

struct kept_refresh {
    int64_t module, expires, replaced;
    char family[SECRETS_HEX_ROOM];
};

static int find_refresh(struct sql *sql, const char *hash,
                        struct kept_refresh *out)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT module, expires, replaced, family FROM refresh "
                        "WHERE hash = $1",
                        SQL_ARGS(SQL_TEXT(hash)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        *out = (struct kept_refresh){.module = sql_int(&rows, 0),
                                     .expires = sql_int(&rows, 1),
                                     .replaced = sql_int(&rows, 2)};
        snprintf(out->family, sizeof out->family, "%s", sql_text(&rows, 3));
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

/* Somebody else has a copy of it: nobody gets anything by it any more. */
static int end_family(const struct node *node, struct sql *sql,
                      const struct kept_refresh *kept,
                      const struct owner *owner)
{
    char object[32];
    int64_t ended;
    int err = sql_run(sql, "DELETE FROM refresh WHERE family = $1",
                      SQL_ARGS(SQL_TEXT(kept->family)), &ended);

    if (err || ended == 0)
        return err;
    snprintf(object, sizeof object, "module:%" PRId64, owner->id);
    return node_audit(node, sql, owner->tenant, "server", "token.revoke",
                      object, "an old refresh token was used again");
}

/* The successor follows from the token and the server's secret, so whoever
 * lost the answer gets it again. */
int token_by_refresh(const struct node *node, struct sql *sql,
                     const char *refresh, uint64_t imei, struct token_pair *out,
                     int *code)
{
    int64_t now = clock_wall(node->clock), issued = now;
    char hash[SECRETS_HEX_ROOM], next[SECRETS_WORD_ROOM];
    struct kept_refresh kept;
    struct owner owner;
    struct sql_arg arg;
    int err;

    *code = S4_REFRESH;
    secrets_hash(refresh, strlen(refresh), hash);
    err = find_refresh(sql, hash, &kept);
    if (err)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    arg = SQL_INT(kept.module);
    err = find_owner(sql,
                     "SELECT id, tenant, imei, password FROM module "
                     "WHERE id = $1 AND state <> 'retired'",
                     &arg, &owner);
    if (err || owner.imei != imei || now >= kept.expires)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    if (kept.replaced && now > kept.replaced + TOKEN_AGAIN_S)
        return end_family(node, sql, &kept, &owner);
    *code = 0;
    secrets_mac_word(node->secret, refresh, next);
    if (kept.replaced) {
        issued = kept.replaced;
    } else {
        err = sql_run(sql, "UPDATE refresh SET replaced = $2 WHERE hash = $1",
                      SQL_ARGS(SQL_TEXT(hash), SQL_INT(now)), NULL);
        if (!err)
            err = keep_refresh(sql, &owner, next, kept.family, now);
    }
    return err ? err : give_out(node, &owner, next, issued, out);
}

/* ---- package URLs ---- */

void token_content_name(const char *sha256, char out[SECRETS_SIG_ROOM])
{
    uint8_t bytes[32];

    if (!secrets_from_hex(sha256, bytes, sizeof bytes))
        memset(bytes, 0, sizeof bytes);
    secrets_base64(bytes, 16, out);
}

int token_content_head(const char *name, char out[SECRETS_ID_ROOM])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[16];
    uint32_t bits = 0;
    unsigned n = 0, done = 0;

    for (; *name && done < sizeof bytes; name++) {
        const char *letter = strchr(letters, *name);

        if (!letter)
            return DFOTA_E_SYNTAX;
        bits = bits << 6 | (uint32_t)(letter - letters);
        n += 6;
        if (n >= 8) {
            n -= 8;
            bytes[done++] = (uint8_t)(bits >> n);
        }
    }
    if (done < sizeof bytes || *name)
        return DFOTA_E_SYNTAX;
    secrets_to_hex(bytes, sizeof bytes, out);
    return 0;
}

static void sign_content(const struct fleet_key *key, const char *content,
                         int64_t expires, char out[SECRETS_SIG_ROOM])
{
    char text[80];

    snprintf(text, sizeof text, "%s %" PRId64, content, expires);
    secrets_mac(key->secret, text, out);
}

int token_sign_path(const struct node *node, const char *sha256,
                    int64_t expires, const char *name, char *out, size_t room)
{
    char content[SECRETS_SIG_ROOM], signature[SECRETS_SIG_ROOM];
    struct fleet_key key;
    int err = fleet_key(node->fleet, "url", 0, &key), len;

    if (err)
        return err;
    token_content_name(sha256, content);
    sign_content(&key, content, expires, signature);
    len = snprintf(out, room, "/p/%s/%" PRId64 "-%s/%s", content, expires,
                   signature, name);
    return len > 0 && (size_t)len < room ? 0 : DFOTA_E_FULL;
}

/* Either generation may have signed. */
static bool is_signed(const struct node *node, const char *content,
                      int64_t expires, const char *signature)
{
    struct fleet_key newest, older;
    char right[SECRETS_SIG_ROOM];

    if (fleet_key(node->fleet, "url", 0, &newest) != 0)
        return false;
    sign_content(&newest, content, expires, right);
    if (secrets_equal(right, signature))
        return true;
    if (fleet_key(node->fleet, "url", FLEET_KEY_BEFORE, &older) != 0)
        return false;
    sign_content(&older, content, expires, right);
    return secrets_equal(right, signature);
}

int token_check_path(const struct node *node, const char *path, int64_t now,
                     char package[SECRETS_SIG_ROOM])
{
    char number[24], signature[SECRETS_SIG_ROOM];
    int64_t expires;
    size_t len;

    if (strncmp(path, "p/", 2) != 0 || strcspn(path + 2, "/") != 22 ||
        path[24] != '/')
        return DFOTA_E_SYNTAX;
    snprintf(package, SECRETS_SIG_ROOM, "%.22s", path + 2);
    path += 25;
    len = strspn(path, "0123456789");
    if (len == 0 || len >= sizeof number || path[len] != '-')
        return DFOTA_E_SYNTAX;
    memcpy(number, path, len);
    number[len] = '\0';
    path += len + 1;
    if (!units_number(number, 1, INT64_MAX, &expires) ||
        strcspn(path, "/") != SECRETS_SIG_ROOM - 1)
        return DFOTA_E_SYNTAX;
    snprintf(signature, sizeof signature, "%.22s", path);
    if (!is_signed(node, package, expires, signature))
        return DFOTA_E_SIGNATURE;
    return now >= expires ? DFOTA_E_TIMEOUT : 0;
}
