/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta sign: the key stays on this machine. The server sends what the
 * signature covers; its manifest is read here, so nobody signs blindly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ctl/ctl.h"
#include "device/package.h"
#include "os/log.h"
#include "port/psa/psa_crypto_port.h"

enum { HEAD_MAX = 1 << 20 };

struct signing {
    const struct ctl_line *line;
    struct psa_signer signer;
    unsigned done, failed;
};

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t *from_hex(const char *hex, size_t *len)
{
    size_t n = hex ? strlen(hex) : 0;
    uint8_t *bytes =
        n % 2 || n == 0 || n > 2 * (size_t)HEAD_MAX ? NULL : malloc(n / 2);

    for (size_t i = 0; bytes && i < n / 2; i++) {
        int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

        if (high < 0 || low < 0) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *len = n / 2;
    return bytes;
}

/* The head of a package and nothing else: as long as its manifest says. */
static bool is_head(const uint8_t *head, size_t len)
{
    struct dfota_package p;

    if (len < DFOTA_MANIFEST_LEN || dfota_manifest_parse(&p.m, head) != 0 ||
        dfota_package_layout(&p) != 0)
        return false;
    return p.signature_off == len;
}

static int sign_head(struct signing *s, const uint8_t *head, size_t len,
                     char hex[2 * DFOTA_SIGNATURE_LEN + 1])
{
    uint8_t digest[DFOTA_HASH_LEN], signature[DFOTA_SIGNATURE_LEN];
    int err = psa_sha256(head, len, digest);

    if (!err)
        err = psa_signer_sign(&s->signer, digest, signature);
    for (unsigned i = 0; !err && i < sizeof signature; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", signature[i]);
    return err;
}

static int send(struct signing *s, const char *id, const char *hex)
{
    char path[96], body[2 * DFOTA_SIGNATURE_LEN + 32];
    struct ctl_content content = {.type = "application/json", .data = body};
    struct ctl_answer answer;
    int status;

    content.len =
        (size_t)snprintf(body, sizeof body, "{\"signature\": \"%s\"}", hex);
    snprintf(path, sizeof path, "packages/%.20s/signature", id);
    status = ctl_call(&s->line->server, "POST", path, &content, &answer);
    if (status)
        return status;
    if (s->line->json)
        ctl_print(answer.json, NULL, true);
    else
        printf("package %s: signed\n", id);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

static int sign_one(struct signing *s, const char *id)
{
    char path[96], hex[2 * DFOTA_SIGNATURE_LEN + 1];
    struct ctl_answer answer;
    uint8_t *head;
    size_t len;
    int status, err;

    snprintf(path, sizeof path, "packages/%.20s/head", id);
    status = ctl_call(&s->line->server, "GET", path, NULL, &answer);
    if (status)
        return status;
    head =
        from_hex(json_string_value(json_object_get(answer.json, "head")), &len);
    ctl_answer_release(&answer);
    if (!head || !is_head(head, len)) {
        free(head);
        return ctl_say(CTL_FAILED,
                       "package %s: what the server sent is no "
                       "head of a package; nothing was signed",
                       id);
    }
    err = sign_head(s, head, len, hex);
    free(head);
    if (err)
        return ctl_say(CTL_FAILED, "package %s: %s", id, dfota_strerror(err));
    return send(s, id, hex);
}

static void count(struct signing *s, int status)
{
    if (status)
        s->failed++;
    else
        s->done++;
}

static int sign_waiting(struct signing *s)
{
    struct ctl_answer answer;
    const json_t *item;
    char id[24];
    size_t i;
    int status = ctl_call(&s->line->server, "GET",
                          "packages?state=unsigned&limit=1000", NULL, &answer);

    if (status)
        return status;
    json_array_foreach(json_object_get(answer.json, "items"), i, item)
    {
        snprintf(id, sizeof id, "%lld",
                 (long long)json_integer_value(json_object_get(item, "id")));
        count(s, sign_one(s, id));
    }
    ctl_answer_release(&answer);
    if (s->done + s->failed == 0)
        log_info("no package waits for a signature");
    return CTL_DONE;
}

int ctl_delta_sign(const struct ctl_line *line)
{
    struct signing s = {.line = line};
    const char *path = ctl_value(line, "key");
    int status = CTL_DONE;

    if (psa_port_init() != 0 || psa_signer_load(&s.signer, path) != 0)
        return ctl_say(CTL_FAILED, "%s: no ECDSA P-256 private key in PEM",
                       path);
    for (unsigned i = 0; i < line->n_args; i++)
        count(&s, sign_one(&s, line->args[i]));
    if (line->n_args == 0)
        status = sign_waiting(&s);
    psa_signer_release(&s.signer);
    return s.failed ? CTL_FAILED : status;
}
