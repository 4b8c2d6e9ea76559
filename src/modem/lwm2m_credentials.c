/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/lwm2m_credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "modem/modem.h"
#include "os/buffer.h"
#include "os/files.h"
#include "os/log.h"

static int create(const struct dtls_config *config,
                  struct dtls_credentials **out)
{
    const char *why = NULL;
    int err = dtls_credentials_create(out, config, &why);

    if (err)
        log_error("LwM2M: %s", why ? why : dfota_strerror(err));
    return err;
}

static int with_key(const struct lwm2m_security *s,
                    struct dtls_credentials **out)
{
    char identity[DTLS_IDENTITY_MAX + 1];
    struct dtls_config config = {
        .identity = identity, .key = s->secret, .key_len = s->secret_len};

    if (s->identity_len > DTLS_IDENTITY_MAX || s->secret_len > DTLS_KEY_MAX ||
        memchr(s->identity, '\0', s->identity_len)) {
        log_error("LwM2M: an identity of %u bytes with a key of %u cannot be "
                  "used",
                  s->identity_len, s->secret_len);
        return DFOTA_E_ARG;
    }
    memcpy(identity, s->identity, s->identity_len);
    identity[s->identity_len] = '\0';
    return create(&config, out);
}

/* GnuTLS reads files: DER becomes PEM beside the settings. */
static char *pem_file(const struct module *m, const char *name,
                      const char *label, const uint8_t *der, size_t len)
{
    struct buffer text;
    char *path = NULL;
    mode_t before;

    if (len == 0 || asprintf(&path, "%s/%s", m->c->state, name) < 0)
        return NULL;
    buffer_init(&text, 4096);
    buffer_printf(&text, "-----BEGIN %s-----\n", label);
    lwm2m_base64_write(&text, der, len, false);
    buffer_printf(&text, "\n-----END %s-----\n", label);
    before = umask(0077);
    if (text.err || files_write(path, text.data, text.len) != 0) {
        free(path);
        path = NULL;
    }
    umask(before);
    buffer_release(&text);
    return path;
}

static int with_certificate(const struct module *m,
                            const struct lwm2m_security *s,
                            struct dtls_credentials **out)
{
    char *ca, *cert, *key;
    int err;

    ca = pem_file(m, "lwm2m-server.pem", "CERTIFICATE", s->server_key,
                  s->server_key_len);
    cert = pem_file(m, "lwm2m-cert.pem", "CERTIFICATE", s->identity,
                    s->identity_len);
    key = pem_file(m, "lwm2m-key.pem", "PRIVATE KEY", s->secret, s->secret_len);
    if (!ca)
        ca = module_file(m, m->d->ca_file);
    if (!cert || !key) {
        free(cert);
        free(key);
        cert = module_file(m, m->d->cert_file);
        key = module_file(m, m->d->key_file);
    }
    if (!ca)
        log_warn("LwM2M: no CA file: the server is not verified");
    err = create(&(struct dtls_config){.ca = ca, .cert = cert, .key_file = key},
                 out);
    free(ca);
    free(cert);
    free(key);
    return err;
}

int lwm2m_credentials(const struct module *m, const struct lwm2m_security *s,
                      struct dtls_credentials **out)
{
    switch (s->mode) {
    case LWM2M_PSK:
        return with_key(s, out);
    case LWM2M_X509:
        return with_certificate(m, s, out);
    default:
        log_error("LwM2M: %s wants a key or a certificate", s->uri);
        return DFOTA_E_ARG;
    }
}
