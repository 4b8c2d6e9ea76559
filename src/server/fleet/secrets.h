/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is random, hashed or signed with a key of the server.
 *
 * Layer: server. Texts only: digests are hex, signatures base64url.
 */
#ifndef DFOTA_SERVER_FLEET_SECRETS_H
#define DFOTA_SERVER_FLEET_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECRETS_KEY_LEN = 32,
    SECRETS_HEX_ROOM = 65,  /* a SHA-256 in hex */
    SECRETS_ID_ROOM = 33,   /* 128 random bits in hex */
    SECRETS_WORD_ROOM = 44, /* 256 random bits in base64url */
    SECRETS_SIG_ROOM = 23   /* 128 bits in base64url */
};

void secrets_random(void *out, size_t len);
void secrets_id(char out[SECRETS_ID_ROOM]);
void secrets_word(char out[SECRETS_WORD_ROOM]);

/** SHA-256 of a text or of bytes, in hex. */
void secrets_hash(const void *data, size_t len, char out[SECRETS_HEX_ROOM]);

/** HMAC-SHA-256 over a text: in hex, 256 bits in base64url, or the head of
 * 128 bits in base64url. */
void secrets_mac_hex(const uint8_t key[SECRETS_KEY_LEN], const char *text,
                     char out[SECRETS_HEX_ROOM]);
void secrets_mac_word(const uint8_t key[SECRETS_KEY_LEN], const char *text,
                      char out[SECRETS_WORD_ROOM]);
void secrets_mac(const uint8_t key[SECRETS_KEY_LEN], const char *text,
                 char out[SECRETS_SIG_ROOM]);

/** The same under a key that is a text of any length, as others know it. */
void secrets_mac_by(const char *key, const char *text,
                    char out[SECRETS_HEX_ROOM]);

/** Compare in a time that tells nothing but the lengths. */
bool secrets_equal(const char *a, const char *b);

/** Bytes to base64url without padding. room: at least 4 * len / 3 + 2 */
void secrets_base64(const uint8_t *bytes, size_t len, char *out);

bool secrets_from_hex(const char *hex, uint8_t *out, size_t len);
void secrets_to_hex(const uint8_t *bytes, size_t len, char *out);

/** The 32 bytes of a key file; made, mode 0600, when it is not there.
 * errors: E_IO, E_SYNTAX; said in the log */
int secrets_file(const char *path, uint8_t key[SECRETS_KEY_LEN]);

#endif
