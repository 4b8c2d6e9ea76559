/* SPDX-License-Identifier: Apache-2.0 */
#include "port/pkcs11/signer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "port/pkcs11/token_key.h"
#include "port/psa/psa_crypto_port.h"

struct signer {
    char name[SIGNER_WHY_ROOM];
    struct token_key *token; /* NULL: file */
    struct psa_signer file;
};

bool signer_is_token(const char *name)
{
    return strncmp(name, "pkcs11:", 7) == 0;
}

static int open_file(struct signer *signer, const char *path, char *why)
{
    int err = psa_port_init();

    if (!err)
        err = psa_signer_load(&signer->file, path);
    if (err)
        snprintf(why, SIGNER_WHY_ROOM, "key %.160s: %s", path,
                 err == DFOTA_E_IO    ? strerror(errno)
                 : err == DFOTA_E_ARG ? "neither a regular file nor a pipe"
                 : err == DFOTA_E_SYNTAX
                     ? "no PEM private key without a passphrase"
                 : err == DFOTA_E_KEY ? "not an ECDSA P-256 key"
                                      : dfota_strerror(err));
    return err;
}

int signer_open(const char *name, struct signer **out,
                char why[SIGNER_WHY_ROOM])
{
    struct signer *signer = calloc(1, sizeof *signer);
    int err;

    if (!signer) {
        snprintf(why, SIGNER_WHY_ROOM, "%s", dfota_strerror(DFOTA_E_NOMEM));
        return DFOTA_E_NOMEM;
    }
    token_key_name(name, signer->name, sizeof signer->name);
    err = signer_is_token(name)
              ? token_key_open(name, &signer->token, why, SIGNER_WHY_ROOM)
              : open_file(signer, name, why);
    if (err) {
        free(signer);
        return err;
    }
    *out = signer;
    return 0;
}

int signer_open_private(const char *name, struct signer **out,
                        char why[SIGNER_WHY_ROOM])
{
    struct stat info;

    if (!signer_is_token(name) && stat(name, &info) == 0 &&
        (info.st_mode & 077)) {
        snprintf(why, SIGNER_WHY_ROOM,
                 "key %.160s: others can read it; chmod 600 it", name);
        return DFOTA_E_KEY;
    }
    return signer_open(name, out, why);
}

void signer_close(struct signer *signer)
{
    if (!signer)
        return;
    if (signer->token)
        token_key_close(signer->token);
    else
        psa_signer_release(&signer->file);
    free(signer);
}

int signer_sign(struct signer *signer, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    return signer->token ? token_key_sign(signer->token, digest, signature)
                         : psa_signer_sign(&signer->file, digest, signature);
}

void signer_name(const struct signer *signer, char name[SIGNER_WHY_ROOM])
{
    memcpy(name, signer->name, SIGNER_WHY_ROOM);
}
