/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch/doctor.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "server/depot/depot.h"
#include "server/fleet/package_url.h"
#include "server/fleet/token.h"
#include "server/http/tls.h"
#include "server/node/data_contents.h"
#include "server/node/housekeeping.h"

enum {
    PATIENCE_S = 4,
    DAY_S = 86400,
    CERTIFICATE_DAYS = 21,
    TOKEN_DAYS = 7,
    DISK_PERCENT = 10,
    DISK_DAYS = 14
};

static void tell(json_t *list, const char *check, bool fine, const char *what)
{
    json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "check", check,
                                          "fine", fine, "what", what));
}

/* ---- where the public addresses lead ---- */

int doctor_prove(const struct node *node, const char *nonce,
                 char proof[DOCTOR_PROOF_ROOM])
{
    char text[64], hash[SECRETS_HEX_ROOM];

    if (strlen(nonce) != SECRETS_ID_ROOM - 1 ||
        strspn(nonce, "0123456789abcdef") != SECRETS_ID_ROOM - 1)
        return DFOTA_E_SYNTAX;
    snprintf(text, sizeof text, "doctor %s", nonce);
    secrets_hash(text, strlen(text), hash);
    /* An address that ended in 1970, of a content that nobody has. */
    return token_sign_path(node, hash, 0, "doctor", proof, DOCTOR_PROOF_ROOM);
}

struct visit {
    char proof[DOCTOR_PROOF_ROOM];
    bool ours;
};

static size_t take_header(char *line, size_t one, size_t n, void *ctx)
{
    static const char field[] = DOCTOR_FIELD ": ";
    struct visit *visit = ctx;
    size_t len = strlen(field), wanted = strlen(visit->proof);

    if (n >= len + wanted && strncasecmp(line, field, len) == 0 &&
        memcmp(line + len, visit->proof, wanted) == 0)
        visit->ours = true;
    return one * n;
}

static size_t take_nothing(char *data, size_t one, size_t n, void *ctx)
{
    (void)data;
    (void)ctx;
    return one * n;
}

/* The proof says who it is; a certificate would say it to modules. */
static CURLcode visit(const char *url, struct visit *visit)
{
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_FAILED_INIT;

    if (!curl)
        return code;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, visit);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_nothing);
    code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code;
}

static void check_address(const struct node *node, const char *base,
                          json_t *list)
{
    char nonce[SECRETS_ID_ROOM], url[NODE_URL_ROOM + 64], text[400];
    struct visit v = {.ours = false};
    CURLcode code;
    bool fine;

    secrets_id(nonce);
    if (doctor_prove(node, nonce, v.proof) != 0)
        return;
    snprintf(url, sizeof url, "%s/" DOCTOR_PATH "%s", base, nonce);
    code = visit(url, &v);
    fine = v.ours && (node->loopback || !package_url_leads_nowhere(base));
    snprintf(text, sizeof text, "%s %s%s%s", base,
             v.ours             ? "leads back to this server"
             : code == CURLE_OK ? "leads to another server"
                                : "leads nowhere: ",
             v.ours || code == CURLE_OK ? "" : curl_easy_strerror(code),
             v.ours && !fine ? ", but only on this machine: modules cannot "
                               "reach it"
                             : "");
    tell(list, "address", fine, text);
}

json_t *doctor_reach(const struct doctor *doctor)
{
    const struct node *node = doctor->node;
    json_t *list = json_array();

    if (!list)
        return NULL;
    if (node->public_https[0] && doctor->tls && tls_asks_clients(doctor->tls))
        tell(list, "address",
             node->loopback || !package_url_leads_nowhere(node->public_https),
             "HTTPS is for clients with certificates: it was not asked");
    else if (node->public_https[0])
        check_address(node, node->public_https, list);
    if (node->public_http[0])
        check_address(node, node->public_http, list);
    if (json_array_size(list) == 0)
        tell(list, "address", false,
             "no public address: packages have no URL; give --public-https "
             "or --public-http");
    return list;
}

/* ---- this machine ---- */

static void check_clock(const struct node *node, json_t *list)
{
    bool off = atomic_load(&node->clock_is_off);

    tell(list, "clock", !off,
         off ? "the clock jumped: dfotactl clock accept when it is right"
             : "no jump");
}

static void check_disk(const struct doctor *doctor, json_t *list)
{
    struct housekeeping_disk disk;
    int64_t percent, days;
    char text[160];

    if (!doctor->housekeeping)
        return;
    housekeeping_disk(doctor->housekeeping, &disk);
    percent = disk.size > 0 ? disk.free * 100 / disk.size : 100;
    days = disk.full_in_s / DAY_S;
    if (disk.full_in_s >= 0)
        snprintf(text, sizeof text,
                 "%lld %% are free; at the pace of the last day full in %lld "
                 "days",
                 (long long)percent, (long long)days);
    else
        snprintf(text, sizeof text, "%lld %% are free", (long long)percent);
    tell(list, "disk",
         percent >= DISK_PERCENT && (disk.full_in_s < 0 || days >= DISK_DAYS),
         text);
}

static void check_certificate(const struct doctor *doctor, int64_t now,
                              json_t *list)
{
    int64_t expiry = doctor->tls ? tls_expiry(doctor->tls) : 0;
    int64_t days = (expiry - now) / DAY_S;
    char text[160];

    if (expiry == 0)
        return;
    snprintf(text, sizeof text,
             days < 0 ? "the certificate of HTTPS ended %lld days ago"
                      : "the certificate of HTTPS ends in %lld days",
             (long long)(days < 0 ? -days : days));
    tell(list, "certificate", days >= CERTIFICATE_DAYS, text);
}

/* ---- the data ---- */

static int64_t count(struct sql *sql, const char *question, int64_t tenant,
                     int64_t moment)
{
    int64_t n = -1;

    sql_one_int(sql, &n, question, SQL_ARGS(SQL_INT(tenant), SQL_INT(moment)));
    return n;
}

static void check_packages(const struct doctor *doctor, struct sql *sql,
                           int64_t tenant, json_t *list)
{
    char text[160];
    int64_t n = count(sql,
                      "SELECT count(*) FROM package WHERE state = 'unsigned' "
                      "AND tenant = $1 AND $2 = 0",
                      tenant, 0);

    snprintf(text, sizeof text, "%lld packages wait for a signature%s",
             (long long)n, n > 0 ? ": dfotactl delta sign" : "");
    tell(list, "signatures", n == 0, text);
    n = count(sql,
              "SELECT count(*) FROM package WHERE state = 'failed' AND "
              "tenant = $1 AND $2 = 0",
              tenant, 0);
    snprintf(text, sizeof text, "%lld packages could not be built%s",
             (long long)n, n > 0 ? ": dfotactl delta list --state failed" : "");
    tell(list, "packages", n == 0, text);
    n = count(sql,
              "SELECT count(DISTINCT f.class) FROM firmware f WHERE "
              "f.tenant = $1 AND $2 = 0 AND NOT EXISTS (SELECT 1 FROM "
              "device_class c WHERE c.tenant = f.tenant AND c.name = CASE "
              "WHEN f.class = '' THEN 'any' ELSE f.class END)",
              tenant, 0);
    if (depot_signs(doctor->depot))
        tell(list, "keys", true, "this server signs");
    else if (n > 0) {
        snprintf(text, sizeof text,
                 "%lld classes have images and no public key: dfotactl class "
                 "set",
                 (long long)n);
        tell(list, "keys", false, text);
    } else {
        tell(list, "keys", true, "every class has its public key");
    }
}

static void check_people(const struct doctor *doctor, struct sql *sql,
                         int64_t tenant, json_t *list)
{
    int64_t now = clock_wall(doctor->node->clock), n;
    char text[120];

    n = count(sql,
              "SELECT count(*) FROM person WHERE tenant = $1 AND gone IS NULL "
              "AND $2 = 0 AND role IN ('approver', 'admin', 'site')",
              tenant, 0);
    snprintf(text, sizeof text, "%lld people may approve", (long long)n);
    tell(list, "approval", n > 1 || !doctor->node->second_person, text);
    n = count(sql,
              "SELECT count(*) FROM api_token WHERE tenant = $1 AND revoked IS "
              "NULL AND expires > CAST($2 AS BIGINT) - 604800 AND expires < $2",
              tenant, now + (int64_t)TOKEN_DAYS * DAY_S);
    snprintf(text, sizeof text, "%lld API tokens end within %d days",
             (long long)n, TOKEN_DAYS);
    tell(list, "tokens", n == 0, text);
}

static void check_database(const struct node *node, struct sql *sql,
                           json_t *list)
{
    bool off = atomic_load(&node->database_is_off);
    int64_t wrong = count(
        sql,
        "SELECT count(*) FROM plan p WHERE $1 = 0 AND $2 = 0 AND p.open <> "
        "(SELECT count(*) FROM attempt a WHERE a.plan = p.id AND a.state = "
        "'open')",
        0, 0);
    char text[120];

    if (off)
        snprintf(text, sizeof text, "it cannot be written");
    else if (wrong < 0)
        snprintf(text, sizeof text, "it does not answer");
    else if (wrong > 0)
        snprintf(text, sizeof text,
                 "%lld plans count their open attempts wrong",
                 (long long)wrong);
    else
        snprintf(text, sizeof text, "it answers, %u facts wait",
                 store_waiting(node->store));
    tell(list, "database", !off && wrong == 0, text);
}

static void check_contents(const struct doctor *doctor, struct sql *sql,
                           json_t *list)
{
    char first[VAULT_HEX_ROOM], text[240];
    int64_t lost = 0;

    if (contents_lost(doctor->vault, sql, &lost, first) != 0)
        return; /* the database is said to be off */
    if (lost > 0)
        snprintf(text, sizeof text,
                 "%lld contents are lost, %.16s.. among them: upload the image "
                 "again, or restore a backup",
                 (long long)lost, first);
    else
        snprintf(text, sizeof text, "all that is named is there");
    tell(list, "contents", lost == 0, text);
}

void doctor_look(const struct doctor *doctor, struct sql *sql, int64_t tenant,
                 json_t *list)
{
    check_clock(doctor->node, list);
    check_disk(doctor, list);
    check_certificate(doctor, clock_wall(doctor->node->clock), list);
    check_database(doctor->node, sql, list);
    check_contents(doctor, sql, list);
    check_packages(doctor, sql, tenant, list);
    check_people(doctor, sql, tenant, list);
}
