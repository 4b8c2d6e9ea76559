/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tokens of modules: access tokens, which are checked without the database,
 * and refresh tokens, which are not.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_TOKEN_H
#define DFOTA_SERVER_FLEET_TOKEN_H

#include "server/fleet/node.h"

enum {
    TOKEN_ROOM = 128,
    TOKEN_ACCESS_S = 3600,
    TOKEN_GRACE_S = 300,
    TOKEN_REFRESH_S = 60 * 86400, /* longer than a polling period */
    TOKEN_AGAIN_S = 600, /* so long the one before gets the same answer */
    TOKEN_PASSWORD_MIN = 16
};

#define TOKEN_SCOPE_PLAN 'p'
#define TOKEN_SCOPE_RESULT 'r'

struct token {
    int64_t tenant;
    uint64_t imei;
    char scope[8];
    int64_t expires;
};

/** Sign. errors: E_NOTFOUND there is no key */
int token_make(const struct node *node, const struct token *token,
               char out[TOKEN_ROOM]);

/**
 * Check "Bearer ..".
 *
 * header   the field's value or NULL
 * returns  0, S4_TOKEN_MISSING, S4_TOKEN_INVALID, S4_TOKEN_EXPIRED
 */
int token_check(const struct node *node, const char *header, int64_t now,
                struct token *out);

/* What a module is given. */
struct token_pair {
    char access[TOKEN_ROOM];
    char refresh[SECRETS_WORD_ROOM];
    int64_t expires_in;
};

/**
 * By name and password, in a transaction.
 *
 * refresh  256 random bits, made before: the token it will be
 * code     out: 0, or S4_NO_INFO, S4_PASSWORD
 */
int token_by_password(const struct node *node, struct sql *sql,
                      const char *name, const char *password, uint64_t imei,
                      const char *refresh, struct token_pair *out, int *code);

/** By refresh token, in a transaction. code: out, 0 or S4_REFRESH; a token
 * that was used up long ago ends its whole family. */
int token_by_refresh(const struct node *node, struct sql *sql,
                     const char *refresh, uint64_t imei, struct token_pair *out,
                     int *code);

/** How a module's password is kept. */
void token_hash_password(const struct node *node, const char *password,
                         char out[SECRETS_HEX_ROOM]);

/** A package's URL path: /p/<22>/<expiry>-<signature>/<name>, and whether
 * one is right. errors: E_NOTFOUND no key; E_SIGNATURE; E_TIMEOUT it is over;
 * E_SYNTAX */
int token_sign_path(const struct node *node, const char *sha256,
                    int64_t expires, const char *name, char *out, size_t room);
int token_check_path(const struct node *node, const char *path, int64_t now,
                     char package[SECRETS_SIG_ROOM]);

/** The 22 characters that stand for a content in a URL. */
void token_content_name(const char *sha256, char out[SECRETS_SIG_ROOM]);

/** The first 32 digits of the content that has this name. errors: E_SYNTAX */
int token_content_head(const char *name, char out[SECRETS_ID_ROOM]);

#endif
