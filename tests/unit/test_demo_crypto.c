/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "demo/aes.h"
#include "demo/chacha.h"
#include "demo/codecs.h"
#include "demo/p256.h"
#include "demo/selftest.h"
#include "demo/sha256.h"
#include "demo/x25519.h"

#define ROOM 256

static size_t unhex(const char *hex, uint8_t *out)
{
    int n = hex_decode(hex, out, ROOM);

    assert_true(n >= 0);
    return (size_t)n;
}

static void assert_hex(const uint8_t *got, const char *hex)
{
    uint8_t want[ROOM];
    size_t n = unhex(hex, want);

    assert_memory_equal(got, want, n);
}

static void the_self_test_of_the_node_passes(void **state)
{
    (void)state;
    assert_int_equal(selftest_run(true), 0);
}

/* FIPS 180-4 examples: no block, two blocks, a million bytes. */
static void sha256_gives_the_published_digests(void **state)
{
    static const char two[] =
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t digest[SHA256_LEN], a[1000];
    struct sha256 s;

    (void)state;
    sha256("", 0, digest);
    assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb924"
                       "27ae41e4649b934ca495991b7852b855");
    sha256(two, sizeof(two) - 1, digest);
    assert_hex(digest, "248d6a61d20638b8e5c026930c3e6039"
                       "a33ce45964ff2167f6ecedd419db06c1");
    memset(a, 'a', sizeof(a));
    sha256_init(&s);
    for (int i = 0; i < 1000; i++)
        sha256_update(&s, a, sizeof(a));
    sha256_final(&s, digest);
    assert_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67"
                       "f1809a48a497200e046d39ccc7112cd0");
}

static void sha256_does_not_care_how_a_message_is_cut(void **state)
{
    uint8_t message[200], whole[SHA256_LEN], parts[SHA256_LEN];
    struct sha256 s;

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof(message); len++) {
        sha256(message, len, whole);
        sha256_init(&s);
        for (size_t i = 0; i < len; i += 13)
            sha256_update(&s, message + i, len - i < 13 ? len - i : 13);
        sha256_final(&s, parts);
        assert_memory_equal(whole, parts, SHA256_LEN);
    }
}

/* RFC 4231 4.7: a key longer than a block. */
static void hmac_hashes_a_long_key_first(void **state)
{
    static const char text[] =
        "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t key[131], mac[SHA256_LEN];
    struct hmac m;

    (void)state;
    memset(key, 0xaa, sizeof(key));
    hmac_init(&m, key, sizeof(key));
    hmac_update(&m, text, sizeof(text) - 1);
    hmac_final(&m, mac);
    assert_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f"
                    "8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 5869 A.1 */
static void hkdf_gives_the_published_key(void **state)
{
    uint8_t salt[ROOM], key[ROOM], info[ROOM], out[42];
    size_t salt_len = unhex("000102030405060708090a0b0c", salt);
    size_t info_len = unhex("f0f1f2f3f4f5f6f7f8f9", info);

    (void)state;
    memset(key, 0x0b, 22);
    hkdf(salt, salt_len, key, 22, info, info_len, out, sizeof(out));
    assert_hex(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c"
                    "5db02d56ecc4c5bf34007208d5b887185865");
}

/* RFC 8439 2.8.2 */
static void chacha_seals_the_sunscreen(void **state)
{
    char text[] = "Ladies and Gentlemen of the class of '99: If I could "
                  "offer you only one tip for the future, sunscreen would "
                  "be it.";
    uint8_t key[ROOM], nonce[ROOM], aad[ROOM], tag[16];
    size_t aad_len = unhex("50515253c0c1c2c3c4c5c6c7", aad);
    uint8_t *data = (uint8_t *)text;
    size_t len = sizeof(text) - 1;

    (void)state;
    unhex("808182838485868788898a8b8c8d8e8f"
          "909192939495969798999a9b9c9d9e9f",
          key);
    unhex("070000004041424344454647", nonce);
    chacha_seal(key, nonce, aad, aad_len, data, len, tag);
    assert_hex(data, "d31a8d34648e60db7b86afbc53ef7ec2"
                     "a4aded51296e08fea9e2b5a736ee62d6"
                     "3dbea45e8ca9671282fafb69da92728b");
    assert_hex(tag, "1ae10b594f09e26a7e902ecbd0600691");
    tag[3] ^= 1;
    assert_int_equal(chacha_open(key, nonce, aad, aad_len, data, len, tag), -1);
    assert_hex(data, "d31a8d34648e60db");
    tag[3] ^= 1;
    assert_int_equal(chacha_open(key, nonce, aad, aad_len, data, len, tag), 0);
    assert_memory_equal(text, "Ladies and Gentlemen", 20);
}

/* RFC 8439 A.3: vectors 7 to 11, where the sums pass the modulus. */
static void poly1305_reduces_at_the_edges(void **state)
{
    static const struct {
        const char *key, *data, *tag;
    } cases[] = {
        {"02", "ffffffffffffffffffffffffffffffff",
         "03000000000000000000000000000000"},
        {"02000000000000000000000000000000ffffffffffffffffffffffffffffffff",
         "02000000000000000000000000000000",
         "03000000000000000000000000000000"},
        {"01",
         "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
         "11000000000000000000000000000000",
         "05000000000000000000000000000000"},
        {"01",
         "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
         "01010101010101010101010101010101",
         "00000000000000000000000000000000"},
        {"02", "fdffffffffffffffffffffffffffffff",
         "faffffffffffffffffffffffffffffff"},
    };
    uint8_t key[ROOM], data[ROOM], tag[16];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = unhex(cases[i].data, data);

        memset(key, 0, sizeof(key));
        unhex(cases[i].key, key);
        poly1305(key, data, len, tag);
        assert_hex(tag, cases[i].tag);
    }
}

/* The GCM specification of McGrew and Viega, test cases 4 and 16. */
static void gcm_seals_with_both_key_lengths(void **state)
{
    static const char plain[] =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    uint8_t key[ROOM], nonce[ROOM], aad[ROOM], data[ROOM], tag[16];
    size_t aad_len = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
    size_t len = unhex(plain, data);
    struct aes a;

    (void)state;
    unhex("feffe9928665731c6d6a8f9467308308"
          "feffe9928665731c6d6a8f9467308308",
          key);
    unhex("cafebabefacedbaddecaf888", nonce);
    assert_int_equal(aes_init(&a, key, 16), 0);
    gcm_seal(&a, nonce, aad, aad_len, data, len, tag);
    assert_hex(data, "42831ec2217774244b7221b784d0d49c");
    assert_hex(tag, "5bc94fbc3221a5db94fae95ae7121a47");
    assert_int_equal(gcm_open(&a, nonce, aad, aad_len, data, len, tag), 0);
    assert_hex(data, plain);
    assert_int_equal(aes_init(&a, key, 32), 0);
    gcm_seal(&a, nonce, aad, aad_len, data, len, tag);
    assert_hex(data, "522dc1f099567d07f47f37a32a84427d");
    assert_hex(tag, "76fc6ece0f4e1768cddf8853bb2d551b");
    data[0] ^= 1;
    assert_int_equal(gcm_open(&a, nonce, aad, aad_len, data, len, tag), -1);
    assert_int_equal(aes_init(&a, key, 24), -1);
}

/* RFC 7748 5.2, a thousand times: every output is the next scalar. */
static void x25519_iterated_gives_the_published_value(void **state)
{
    uint8_t k[32] = {9}, u[32] = {9}, out[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        x25519(out, k, u);
        memcpy(u, k, sizeof(u));
        memcpy(k, out, sizeof(k));
        if (i == 0)
            assert_hex(k, "422c8e7a6227d7bca1350b3e2bb7279f"
                          "7897b87bb6854b783c60e80311ae3079");
    }
    assert_hex(k, "684cf59ba83309552800ef566f2f4d3c"
                  "1c3887c49360e3875f2eb94d99532c51");
}

static void two_parties_of_x25519_agree(void **state)
{
    uint8_t a[32], b[32], pa[32], pb[32], sa[32], sb[32];

    (void)state;
    for (int i = 0; i < 32; i++) {
        a[i] = (uint8_t)(i * 11 + 1);
        b[i] = (uint8_t)(255 - i * 3);
    }
    x25519_public(pa, a);
    x25519_public(pb, b);
    x25519(sa, a, pb);
    x25519(sb, b, pa);
    assert_memory_equal(sa, sb, 32);
}

/* RFC 6979 A.2.5, message "test". */
static void ecdsa_takes_the_signature_and_no_other(void **state)
{
    uint8_t key[ROOM], signature[ROOM], digest[SHA256_LEN], bad[64];

    (void)state;
    unhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
          "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
          key);
    unhex("f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
          "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
          signature);
    sha256("test", 4, digest);
    assert_int_equal(p256_verify(key, digest, signature), 0);
    for (size_t i = 0; i < 64; i += 5) {
        memcpy(bad, signature, sizeof(bad));
        bad[i] ^= 0x10;
        assert_int_equal(p256_verify(key, digest, bad), -1);
    }
    memset(bad, 0, sizeof(bad));
    assert_int_equal(p256_verify(key, digest, bad), -1);
    key[63] ^= 1; /* no longer a point of the curve */
    assert_int_equal(p256_verify(key, digest, signature), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_self_test_of_the_node_passes),
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(sha256_does_not_care_how_a_message_is_cut),
        cmocka_unit_test(hmac_hashes_a_long_key_first),
        cmocka_unit_test(hkdf_gives_the_published_key),
        cmocka_unit_test(chacha_seals_the_sunscreen),
        cmocka_unit_test(poly1305_reduces_at_the_edges),
        cmocka_unit_test(gcm_seals_with_both_key_lengths),
        cmocka_unit_test(x25519_iterated_gives_the_published_value),
        cmocka_unit_test(two_parties_of_x25519_agree),
        cmocka_unit_test(ecdsa_takes_the_signature_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
