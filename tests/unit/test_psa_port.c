/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "os/files.h"
#include "port/psa/psa_crypto_port.h"

static char dir[] = "/tmp/dfota-psa-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static unsigned n;

    n = (n + 1) % 4;
    (void)snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
    return path[n];
}

static int set_up(void **state)
{
    (void)state;
    return psa_port_init() || !mkdtemp(dir) ||
           psa_keygen_write(in_dir("a.pem")) ||
           psa_keygen_write(in_dir("b.pem"));
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a.pem",     "a.pub.pem", "b.pem",
                                        "b.pub.pem", "cert.pem",  "p384.pem"};

    (void)state;
    for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
        (void)unlink(in_dir(names[k]));
    return rmdir(dir);
}

static void sha256_is_sha256(void **state)
{
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf};
    uint8_t digest[DFOTA_HASH_LEN];

    (void)state;
    assert_int_equal(psa_sha256("abc", 3, digest), 0);
    assert_memory_equal(digest, abc, sizeof(abc));
    assert_int_equal(psa_string_id("abc"), 0xbf1678ba);
    assert_int_equal(psa_string_id(""), 0);
    assert_int_equal(psa_string_id(NULL), 0);
}

static void two_hashes_run_side_by_side(void **state)
{
    struct psa_trust t;
    struct dfota_crypto c;
    uint8_t one[DFOTA_HASH_LEN];
    uint8_t two[DFOTA_HASH_LEN];
    uint8_t wanted[DFOTA_HASH_LEN];

    (void)state;
    psa_trust_init(&t);
    psa_trust_crypto(&t, &c);
    assert_int_equal(c.hash_init(c.ctx), 0);
    assert_int_equal(c.hash_update(c.ctx, "dropped", 7), 0);
    assert_int_equal(c.hash_init(c.ctx), 0);
    assert_int_equal(c.hash_init(c.ctx2), 0);
    assert_int_equal(c.hash_update(c.ctx, "ab", 2), 0);
    assert_int_equal(c.hash_update(c.ctx2, "x", 1), 0);
    assert_int_equal(c.hash_update(c.ctx, "c", 1), 0);
    assert_int_equal(c.hash_final(c.ctx, one), 0);
    assert_int_equal(c.hash_final(c.ctx2, two), 0);
    assert_int_equal(psa_sha256("abc", 3, wanted), 0);
    assert_memory_equal(one, wanted, sizeof(one));
    assert_int_equal(psa_sha256("x", 1, wanted), 0);
    assert_memory_equal(two, wanted, sizeof(two));
    psa_trust_release(&t);
}

static void a_signature_counts_for_its_own_key_only(void **state)
{
    struct psa_trust t;
    struct psa_signer s;
    struct dfota_crypto c;
    uint8_t digest[DFOTA_HASH_LEN] = {42};
    uint8_t signature[DFOTA_SIGNATURE_LEN], again[DFOTA_SIGNATURE_LEN];

    (void)state;
    psa_trust_init(&t);
    psa_trust_crypto(&t, &c);
    assert_null(c.verify);
    assert_int_equal(psa_trust_load(&t, 0, in_dir("a.pub.pem")), 0);
    assert_int_equal(psa_trust_load(&t, 1, in_dir("b.pub.pem")), 0);
    assert_int_equal(psa_signer_load(&s, in_dir("a.pem")), 0);
    psa_trust_crypto(&t, &c);
    assert_int_equal(psa_signer_sign(&s, digest, signature), 0);
    assert_int_equal(psa_signer_sign(&s, digest, again), 0);
    assert_memory_equal(signature, again, sizeof(again));
    assert_int_equal(c.verify(c.ctx, 0, digest, signature), 0);
    assert_int_equal(c.verify(c.ctx, 1, digest, signature), DFOTA_E_SIGNATURE);
    assert_int_equal(c.verify(c.ctx, DFOTA_KEY_PERMIT, digest, signature),
                     DFOTA_E_KEY);
    assert_int_equal(c.verify(c.ctx, 7, digest, signature), DFOTA_E_KEY);
    digest[31] ^= 1;
    assert_int_equal(c.verify(c.ctx, 0, digest, signature), DFOTA_E_SIGNATURE);
    psa_signer_release(&s);
    psa_trust_release(&t);
}

static void keys_are_private_and_never_overwritten(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(stat(in_dir("a.pem"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(psa_keygen_write(in_dir("a.pem")), DFOTA_E_IO);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(rename(in_dir("b.pem"), in_dir("c.pem")), 0);
    assert_int_equal(psa_keygen_write(in_dir("b.pem")), DFOTA_E_IO);
    assert_int_equal(access(in_dir("b.pem"), F_OK), -1);
    assert_int_equal(rename(in_dir("c.pem"), in_dir("b.pem")), 0);
}

/* Made by openssl: a certificate of a.pem would need it here, so these are
 * fixed ones (P-256, valid for ever; P-384). */
static const char CERT[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdzCCAR2gAwIBAgIUC25LT0FHmV5rpvaIpgySh6zh+qEwCgYIKoZIzj0EAwIw\n"
    "EDEOMAwGA1UEAwwFZGZvdGEwIBcNMjYxMTIwMTEwOTQ0WhgPMjEyNjEwMjcxMTA5\n"
    "NDRaMBAxDjAMBgNVBAMMBWRmb3RhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n"
    "Ux9n5crXe8iu1lZomoVi+VZNgwBysk3g8xUOxMzk5I8yZKpXvE+qLQQAmjcKR50A\n"
    "EiSrrhSRBp8wkPddy/62r6NTMFEwHQYDVR0OBBYEFChSu3UbhjxIqC8O28BAxOle\n"
    "HROwMB8GA1UdIwQYMBaAFChSu3UbhjxIqC8O28BAxOleHROwMA8GA1UdEwEB/wQF\n"
    "MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAJJzxRTAkMdPef1ChG8ITXj/csNgpIOa\n"
    "oNLRsaFzoECZAiBc3cEAq0T5ohBQTB0WzOdjoD9k9DQcVJp8Izz/5At0fQ==\n"
    "-----END CERTIFICATE-----\n";
static const char P384[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEFJttudnZn7DALiCVUKbWKvGBv8NLu2bo\n"
    "6f2bK8pcWMj27kKCbzsEcd1ei3888scWCBq4OLIoXT2ztgy60AO1CVe0YpwWe5Pj\n"
    "ZixGu8TSlhSnctPuhkOXliCbq5gfTFxP\n"
    "-----END PUBLIC KEY-----\n";

static void a_certificate_counts_for_its_key(void **state)
{
    struct psa_trust t;

    (void)state;
    assert_int_equal(files_write(in_dir("cert.pem"), CERT, strlen(CERT)), 0);
    psa_trust_init(&t);
    assert_int_equal(psa_trust_load(&t, 0, in_dir("cert.pem")), 0);
    assert_int_not_equal(t.keys[0], 0);
    psa_trust_release(&t);
}

static void what_is_no_p256_key_is_refused(void **state)
{
    struct psa_trust t;
    struct psa_signer s;

    (void)state;
    psa_trust_init(&t);
    assert_int_equal(files_write(in_dir("p384.pem"), P384, strlen(P384)), 0);
    assert_int_equal(psa_trust_load(&t, 0, in_dir("p384.pem")), DFOTA_E_KEY);
    assert_int_equal(psa_trust_load(&t, 0, in_dir("a.pem")), DFOTA_E_SYNTAX);
    assert_int_equal(psa_trust_load(&t, 0, in_dir("none.pem")), DFOTA_E_IO);
    assert_int_equal(psa_trust_load(&t, 5, in_dir("a.pub.pem")), DFOTA_E_ARG);
    assert_int_equal(psa_signer_load(&s, in_dir("a.pub.pem")), DFOTA_E_SYNTAX);
    psa_trust_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_sha256),
        cmocka_unit_test(two_hashes_run_side_by_side),
        cmocka_unit_test(a_signature_counts_for_its_own_key_only),
        cmocka_unit_test(keys_are_private_and_never_overwritten),
        cmocka_unit_test(a_certificate_counts_for_its_key),
        cmocka_unit_test(what_is_no_p256_key_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
