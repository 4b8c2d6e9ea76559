/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta: packages; class: the keys they are checked with.
 *
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
#include "port/pkcs11/signer.h"
#include "port/psa/psa_crypto_port.h"

enum { HEAD_MAX = 1 << 20 };

struct signing {
    const struct ctl_line *line;
    struct signer *signer;
    json_t *signed_ids, *failed_ids; /* arrays */
    int worst;                       /* enum ctl_status */
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
        err = signer_sign(s->signer, digest, signature);
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
    if (status) /* 422: it does not fit the class's public key */
        return answer.status == 422 ? CTL_REFUSED : status;
    ctl_answer_release(&answer);
    if (!s->line->json)
        printf("package %s: signed\n", id);
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
        return ctl_say(CTL_REFUSED,
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

static void sign_and_note(struct signing *s, const char *id)
{
    int status = sign_one(s, id);

    json_array_append_new(status ? s->failed_ids : s->signed_ids,
                          json_integer(strtoll(id, NULL, 10)));
    if (status > s->worst)
        s->worst = status;
}

/* One page; cursor: of this page, and out: of the next one, or "". */
static int sign_page(struct signing *s, char cursor[48])
{
    char path[128], id[24];
    struct ctl_answer answer;
    const json_t *item;
    const char *next;
    size_t i;
    int status;

    snprintf(path, sizeof path, "packages?state=unsigned&limit=1000%s%s",
             cursor[0] ? "&cursor=" : "", cursor);
    status = ctl_call(&s->line->server, "GET", path, NULL, &answer);
    if (status)
        return status;
    json_array_foreach(json_object_get(answer.json, "items"), i, item)
    {
        snprintf(id, sizeof id, "%lld",
                 (long long)json_integer_value(json_object_get(item, "id")));
        sign_and_note(s, id);
    }
    next = json_string_value(json_object_get(answer.json, "next"));
    snprintf(cursor, 48, "%s", next ? next : "");
    ctl_answer_release(&answer);
    return CTL_DONE;
}

static int sign_waiting(struct signing *s)
{
    char cursor[48] = "";
    int status;

    do {
        status = sign_page(s, cursor);
    } while (!status && cursor[0]);
    if (!status &&
        json_array_size(s->signed_ids) + json_array_size(s->failed_ids) == 0)
        log_info("no package waits for a signature");
    return status;
}

static int sign(const struct ctl_line *line)
{
    struct signing s = {.line = line};
    char why[SIGNER_WHY_ROOM];
    json_t *answer;
    int status = CTL_DONE;

    if (signer_open(ctl_value(line, "key"), &s.signer, why) != 0)
        return ctl_say(CTL_FAILED, "%s", why);
    s.signed_ids = json_array();
    s.failed_ids = json_array();
    for (unsigned i = 0; i < line->n_args; i++)
        sign_and_note(&s, line->args[i]);
    if (line->n_args == 0)
        status = sign_waiting(&s);
    signer_close(s.signer);
    answer =
        json_pack("{s:o, s:o}", "signed", s.signed_ids, "failed", s.failed_ids);
    if (line->json && !status)
        ctl_print(answer, NULL, true);
    json_decref(answer);
    return status ? status : s.worst;
}

static int map(const struct ctl_line *line)
{
    char path[96];
    struct ctl_answer answer;
    int status;

    snprintf(path, sizeof path, "packages/%.20s/map", line->args[0]);
    status = ctl_call(&line->server, "GET", path, NULL, &answer);
    if (status)
        return status;
    if (line->json)
        ctl_print(answer.json, NULL, true);
    else
        fputs(json_string_value(answer.json), stdout);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

#define PACKAGES "id model from to state full size why"

const struct ctl_command ctl_delta_commands[] = {
    {.group = "delta",
     .verb = "build",
     .method = "POST",
     .path = "packages",
     .help = "have a package built",
     .options = {CTL_OPT("both", "both", CTL_FLAG, false,
                         "the way back from --to, too"),
                 CTL_OPT("from", "from", CTL_NUMBER, false,
                         "firmware; none: a full image"),
                 CTL_OPT("to", "to", CTL_NUMBER, true, "firmware")}},
    {.group = "delta",
     .verb = "map",
     CTL_ONE("ID"),
     .method = "GET",
     .path = "packages/{}/map",
     .help = "its copy map as a picture, SVG",
     .run = map},
    {.group = "delta",
     .verb = "list",
     .method = "GET",
     .path = "packages",
     .columns = PACKAGES,
     .help = "packages",
     .options = {CTL_OPT("state", "state", CTL_QUERY, false,
                         "waiting, building, unsigned, ready, failed")}},
    {.group = "delta",
     .verb = "sign",
     .args = "[ID]...",
     .args_max = CTL_ARGS_MAX,
     .method = "POST",
     .help = "sign what waits for it; the key stays here",
     .options = {CTL_OPT("key", NULL, CTL_OWN, true,
                         "ECDSA P-256 private key: PEM, or pkcs11: URI")},
     .run = sign},
    {.group = "class",
     .verb = "list",
     .method = "GET",
     .path = "classes",
     .columns = "name",
     .help = "device classes"},
    {.group = "class",
     .verb = "set",
     CTL_ONE("NAME"),
     .method = "PUT",
     .path = "classes/{}",
     .help = "the public key of a class (\"any\": of packages without one)",
     .options = {CTL_OPT("cert", "public_key", CTL_FILE, true,
                         "public key or certificate, PEM")}},
    {0}};
