/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keys.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "os/log.h"
#include "port/pkcs11/signer.h"
#include "port/psa/psa_crypto_port.h"

/* One trust and one signer a process: a command needs no more, and they live
 * until the process ends. */
static struct psa_trust trust;
static struct signer *key;

static int explain(const char *path, int err)
{
    log_error("certificate %s: %s", path,
              err == DFOTA_E_IO    ? strerror(errno)
              : err == DFOTA_E_ARG ? "neither a regular file nor a pipe"
              : err == DFOTA_E_SYNTAX
                  ? "neither a PEM certificate nor a public key"
              : err == DFOTA_E_KEY ? "not an ECDSA P-256 key"
                                   : dfota_strerror(err));
    return CLI_FAILED;
}

int keys_crypto(struct dfota_crypto *crypto, const char *cert)
{
    int err = psa_port_init();

    psa_trust_init(&trust);
    if (err) {
        log_error("the PSA crypto library does not start");
        return CLI_FAILED;
    }
    /* Which of its two keys a device will use is the manifest's word; the
     * tools have one certificate for both. */
    if (cert)
        err = psa_trust_load(&trust, 0, cert);
    trust.keys[1] = trust.keys[0];
    if (err)
        return explain(cert, err);
    psa_trust_crypto(&trust, crypto);
    return CLI_DONE;
}

static int sign(void *ctx, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    return signer_sign(ctx, digest, signature);
}

int keys_signer(struct build_signer *signer, const char *path)
{
    char why[SIGNER_WHY_ROOM];

    if (signer_open(path, &key, why) != 0) {
        log_error("%s", why);
        return CLI_FAILED;
    }
    *signer = (struct build_signer){sign, key};
    return CLI_DONE;
}
