/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest.h"

#include <stdio.h>
#include <string.h>

#include "aes.h"
#include "chacha.h"
#include "codecs.h"
#include "p256.h"
#include "sha256.h"
#include "x25519.h"

static bool is(const uint8_t *got, const char *hex)
{
    uint8_t want[64];
    int n = hex_decode(hex, want, sizeof(want));

    return n > 0 && memcmp(got, want, (size_t)n) == 0;
}

/* FIPS 180-4, the example of one block. */
static bool test_sha256(void)
{
    uint8_t digest[SHA256_LEN];

    sha256("abc", 3, digest);
    return is(digest, "ba7816bf8f01cfea414140de5dae2223"
                      "b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231 4.3 */
static bool test_hmac(void)
{
    uint8_t mac[SHA256_LEN];
    struct hmac m;

    hmac_init(&m, "Jefe", 4);
    hmac_update(&m, "what do ya want for nothing?", 28);
    hmac_final(&m, mac);
    return is(mac, "5bdcc146bf60754e6a042426089575c7"
                   "5a003f089d2739839dec58b964ec3843");
}

/* RFC 8439 2.5.2 */
static bool test_poly1305(void)
{
    uint8_t key[32], tag[POLY1305_LEN];

    hex_decode("85d6be7857556d337f4452fe42d506a8"
               "0103808afb0db2fd4abff6af4149f51b",
               key, sizeof(key));
    poly1305(key, "Cryptographic Forum Research Group", 34, tag);
    return is(tag, "a8061dc1305136c6c22b8baf0c0127a9");
}

static bool test_chacha_round_trip(void)
{
    uint8_t key[32] = {1}, nonce[12] = {2}, tag[16], data[80] = {3};
    uint8_t zeros[80] = {3};

    chacha_seal(key, nonce, "head", 4, data, sizeof(data), tag);
    if (memcmp(data, zeros, sizeof(data)) == 0)
        return false;
    return chacha_open(key, nonce, "head", 4, data, sizeof(data), tag) == 0 &&
           memcmp(data, zeros, sizeof(data)) == 0;
}

/* FIPS 197 C.1 and C.3 */
static bool test_aes(void)
{
    uint8_t key[32], block[AES_BLOCK];
    struct aes a;
    bool ok;

    for (uint8_t i = 0; i < 32; i++)
        key[i] = i;
    hex_decode("00112233445566778899aabbccddeeff", block, sizeof(block));
    aes_init(&a, key, 16);
    aes_encrypt(&a, block);
    ok = is(block, "69c4e0d86a7b0430d8cdb78070b4c55a");
    hex_decode("00112233445566778899aabbccddeeff", block, sizeof(block));
    aes_init(&a, key, 32);
    aes_encrypt(&a, block);
    return ok && is(block, "8ea2b7ca516745bfeafc49904b496089");
}

/* The GCM specification of McGrew and Viega, test case 2. */
static bool test_gcm(void)
{
    uint8_t key[16] = {0}, nonce[12] = {0}, data[16] = {0}, tag[16];
    struct aes a;

    aes_init(&a, key, sizeof(key));
    gcm_seal(&a, nonce, NULL, 0, data, sizeof(data), tag);
    return is(data, "0388dace60b6a392f328c2b971b2fe78") &&
           is(tag, "ab6e47d42cec13bdf53a67b21257bddf");
}

/* RFC 7748 5.2 */
static bool test_x25519(void)
{
    uint8_t scalar[32], point[32], out[32];

    hex_decode("a546e36bf0527c9d3b16154b82465edd"
               "62144c0ac1fc5a18506a2244ba449ac4",
               scalar, sizeof(scalar));
    hex_decode("e6db6867583030db3594c1a424b15f7c"
               "726624ec26b3353b10a903a6d0ab1c4c",
               point, sizeof(point));
    x25519(out, scalar, point);
    return is(out, "c3da55379de9c6908e94ea4df28d084f"
                   "32eccf03491c71f754b4075577a28552");
}

/* RFC 6979 A.2.5, SHA-256, message "sample" */
static bool test_p256(void)
{
    uint8_t key[64], signature[64], digest[SHA256_LEN];

    hex_decode(
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        key, sizeof(key));
    hex_decode(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        signature, sizeof(signature));
    sha256("sample", 6, digest);
    if (p256_verify(key, digest, signature) != 0)
        return false;
    digest[5] ^= 1;
    return p256_verify(key, digest, signature) != 0;
}

int selftest_run(bool verbose)
{
    static const struct {
        const char *name;
        bool (*run)(void);
    } tests[] = {
        {"SHA-256", test_sha256},
        {"HMAC", test_hmac},
        {"Poly1305", test_poly1305},
        {"ChaCha20-Poly1305", test_chacha_round_trip},
        {"AES", test_aes},
        {"AES-GCM", test_gcm},
        {"X25519", test_x25519},
        {"ECDSA P-256", test_p256},
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        bool ok = tests[i].run();

        failed += !ok;
        if (verbose)
            printf("%-20s %s\n", tests[i].name, ok ? "ok" : "FAILED");
    }
    return failed;
}
