/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client and server in one process, with a queue of datagrams between them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "link/coap_msg.h"
#include "link/dtls.h"

enum { QUEUE_MAX = 64, SERVER = 1 };

struct pair;

struct side {
    struct pair *pair;
    int index;
    struct dtls *d;
    unsigned opened, closed, records;
    size_t len;
    uint8_t data[COAP_DATAGRAM_MAX];
};

struct datagram {
    int to;
    size_t len;
    uint8_t bytes[4096];
};

struct pair {
    struct dtls_credentials *credentials[2];
    struct side side[2];
    struct datagram queue[QUEUE_MAX];
    unsigned queued, sent;
    unsigned drop_at[2];    /* those numbered so are lost, from 1 */
    unsigned verified;      /* HelloVerifyRequests sent */
    unsigned retransmit_ms; /* of both; 0 as it is */
    uint64_t now_s;
    const char *addr;
};

static char folder[64];

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
    struct side *s = ctx;
    struct pair *p = s->pair;

    p->sent++;
    if (p->sent == p->drop_at[0] || p->sent == p->drop_at[1])
        return;
    assert_true(p->queued < QUEUE_MAX && len <= sizeof p->queue[0].bytes);
    p->queue[p->queued].to = !s->index;
    p->queue[p->queued].len = len;
    memcpy(p->queue[p->queued++].bytes, data, len);
}

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct side *s = ctx;

    s->records++;
    s->len = len;
    memcpy(s->data, data, len);
}

static void on_state(void *ctx, enum dtls_state state)
{
    struct side *s = ctx;

    s->opened += state == DTLS_OPEN;
    s->closed += state == DTLS_CLOSED;
}

static const struct dtls_ops ops = {on_send, on_data, on_state};

/* ---- credentials --------------------------------------------------------- */

static const uint8_t secret[] = {'s', 'e', 'c', 'r', 'e', 't'};

static int find_key(void *ctx, const char *identity, uint8_t *key, size_t *len)
{
    (void)ctx;
    if (strcmp(identity, "module") != 0)
        return DFOTA_E_NOTFOUND;
    memcpy(key, secret, sizeof secret);
    *len = sizeof secret;
    return 0;
}

static char *path(const char *name)
{
    static char paths[16][96];
    static int next;
    char *p = paths[next++ % 16];

    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

static void run(const char *format, ...)
{
    char command[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

#define NEW_KEY                                                                \
    "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=%s "

static void make_ca(const char *name)
{
    run("cd %s && openssl req -x509 -days 30 " NEW_KEY
        "-keyout %s.key -out %s.pem 2>/dev/null",
        folder, name, name, name);
}

static void make_certificate(const char *name, const char *ca, const char *use)
{
    run("cd %s && openssl req " NEW_KEY "-keyout %s.key -out %s.req "
        "2>/dev/null && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n"
        "extendedKeyUsage=%s\n' >%s.ext && openssl x509 -req -in %s.req "
        "-days 30 -CA %s.pem -CAkey %s.key -set_serial 0x$(od -An -N8 -tx8 "
        "/dev/urandom | tr -d ' ') -extfile %s.ext -out %s.pem 2>/dev/null",
        folder, name, name, name, use, name, name, ca, ca, name, name);
}

static void credentials(struct pair *p, const struct dtls_config *client,
                        const struct dtls_config *server)
{
    const char *why = "";

    if (dtls_credentials_create(&p->credentials[0], client, &why) != 0)
        fail_msg("%s", why);
    if (dtls_credentials_create(&p->credentials[1], server, &why) != 0)
        fail_msg("%s", why);
}

static void begin(struct pair *p)
{
    memset(p, 0, sizeof *p);
    p->addr = "here";
    for (int i = 0; i < 2; i++) {
        p->side[i].pair = p;
        p->side[i].index = i;
    }
}

static void end(struct pair *p)
{
    dtls_free(p->side[0].d);
    dtls_free(p->side[1].d);
    p->queued = 0;
    dtls_credentials_free(p->credentials[0]);
    dtls_credentials_free(p->credentials[1]);
}

static const struct dtls_config psk_client = {
    .identity = "module", .key = secret, .key_len = sizeof secret};
static const struct dtls_config psk_server = {.server = true,
                                              .find_key = find_key};

/* ---- the network --------------------------------------------------------- */

static void to_server(struct pair *p, const struct datagram *d)
{
    struct side *s = &p->side[SERVER];
    struct dtls *made = NULL;

    if (s->d && (!dtls_is_hello(d->bytes, d->len) ||
                 dtls_state(s->d) == DTLS_HANDSHAKE)) {
        dtls_receive(s->d, d->bytes, d->len);
        return;
    }
    if (dtls_accept(p->credentials[SERVER], p->addr, strlen(p->addr), d->bytes,
                    d->len, p->now_s, &ops, s, &made) != 0)
        return;
    p->verified += made == NULL;
    if (made) {
        dtls_free(s->d);
        s->d = made;
        if (p->retransmit_ms)
            dtls_set_retransmission(made, p->retransmit_ms);
    }
}

static void deliver(struct pair *p)
{
    while (p->queued > 0) {
        struct datagram d = p->queue[0];

        memmove(p->queue, p->queue + 1, --p->queued * sizeof d);
        if (d.to == SERVER)
            to_server(p, &d);
        else if (p->side[0].d)
            dtls_receive(p->side[0].d, d.bytes, d.len);
    }
}

static void begin_handshake(struct pair *p, const char *host)
{
    struct side *c = &p->side[0];

    c->d = dtls_connect(p->credentials[0], host, &ops, c);
    assert_non_null(c->d);
    if (p->retransmit_ms)
        dtls_set_retransmission(c->d, p->retransmit_ms);
    dtls_tick(c->d);
}

/* returns true when both are open or one is closed */
static bool step_handshake(struct pair *p)
{
    deliver(p);
    if (p->side[0].closed || p->side[SERVER].closed ||
        (p->side[0].opened && p->side[SERVER].opened))
        return true;
    for (int i = 0; i < 2; i++) {
        if (!p->side[i].d)
            continue;
        /* Early is harmless, and behind it is always a wait. */
        dtls_tick(p->side[i].d);
        assert_int_not_equal(dtls_timeout(p->side[i].d), 0);
    }
    return false;
}

/* GnuTLS' retransmissions follow its own clock: all pairs wait together. */
static void finish_handshakes(struct pair *p, unsigned count)
{
    time_t limit = time(NULL) + 60;
    unsigned done;

    do {
        assert_true(time(NULL) < limit);
        done = 0;
        for (unsigned i = 0; i < count; i++)
            done += step_handshake(&p[i]);
        if (done < count)
            usleep(2000);
    } while (done < count);
}

static void shake_hands(struct pair *p, const char *host)
{
    begin_handshake(p, host);
    finish_handshakes(p, 1);
}

static void hang_up(struct pair *p)
{
    dtls_free(p->side[0].d);
    p->side[0].d = NULL;
    deliver(p);
    p->side[0].opened = p->side[SERVER].opened = p->side[SERVER].closed = 0;
}

static void exchange(struct pair *p, size_t len)
{
    uint8_t data[COAP_DATAGRAM_MAX];

    memset(data, (int)len, sizeof data);
    for (int i = 0; i < 2; i++) {
        unsigned before = p->side[!i].records;

        assert_int_equal(dtls_send(p->side[i].d, data, len), 0);
        deliver(p);
        assert_int_equal(p->side[!i].records, before + 1);
        assert_int_equal(p->side[!i].len, len);
        assert_memory_equal(p->side[!i].data, data, len);
    }
}

/* ---- tests --------------------------------------------------------------- */

static void a_psk_opens_a_session(void **state)
{
    static struct pair p;

    (void)state;
    begin(&p);
    credentials(&p, &psk_client, &psk_server);
    shake_hands(&p, NULL);
    assert_int_equal(p.side[0].opened, 1);
    assert_string_equal(dtls_identity(p.side[SERVER].d), "module");
    assert_int_equal(p.verified, 1);
    exchange(&p, 1);
    exchange(&p, 1100);
    exchange(&p, COAP_DATAGRAM_MAX);
    assert_int_equal(
        dtls_send(p.side[0].d, p.side[0].data, COAP_DATAGRAM_MAX + 1),
        DFOTA_E_ARG);
    dtls_free(p.side[0].d);
    p.side[0].d = NULL;
    deliver(&p);
    assert_true(dtls_closed_by_peer(p.side[SERVER].d));
    assert_null(dtls_error(p.side[SERVER].d));
    end(&p);
}

/* A Finished under another key is dropped without a word, as every record
 * that cannot be decrypted is (RFC 6347 4.1.2.7). */
static void a_wrong_key_and_an_unknown_identity_look_alike(void **state)
{
    static struct pair p;
    struct dtls_config wrong = psk_client, unknown = psk_client;
    unsigned sent[2];

    (void)state;
    wrong.key = (const uint8_t *)"secreT";
    unknown.identity = "nobody";
    for (int i = 0; i < 2; i++) {
        begin(&p);
        credentials(&p, i ? &unknown : &wrong, &psk_server);
        p.side[0].d = dtls_connect(p.credentials[0], NULL, &ops, &p.side[0]);
        dtls_tick(p.side[0].d);
        deliver(&p);
        assert_non_null(p.side[SERVER].d);
        assert_int_equal(p.side[SERVER].opened, 0);
        assert_int_equal(p.side[SERVER].closed, 0);
        assert_int_equal(p.side[0].opened + p.side[0].closed, 0);
        sent[i] = p.sent;
        end(&p);
    }
    assert_int_equal(sent[0], sent[1]);
}

static void x509_with(const char *ca, const char *cert, const char *host,
                      bool opens)
{
    static struct pair p;
    char key[32], pem[32];
    struct dtls_config client = {0}, server = {.server = true};

    begin(&p);
    snprintf(pem, sizeof pem, "%s.pem", cert);
    snprintf(key, sizeof key, "%s.key", cert);
    server.cert = path(pem);
    server.key_file = path(key);
    client.ca = ca ? path(ca) : NULL;
    credentials(&p, &client, &server);
    shake_hands(&p, host);
    deliver(&p);
    assert_int_equal(p.side[0].opened, opens);
    assert_int_equal(p.side[0].closed, !opens);
    if (opens)
        exchange(&p, 1000);
    else
        assert_non_null(dtls_error(p.side[0].d));
    end(&p);
}

static void a_certificate_is_verified_when_there_is_a_ca(void **state)
{
    (void)state;
    x509_with("ca.pem", "server", "localhost", true);
    x509_with("ca.pem", "server", "127.0.0.1", true);
    x509_with("ca.pem", "server", NULL, true);
    x509_with("ca.pem", "server", "elsewhere", false);
    x509_with("ca.pem", "server", "127.0.0.2", false);
    x509_with("ca.pem", "alien", "localhost", false);
    x509_with("ca.pem", "client", "localhost", false); /* not a server's */
    x509_with("server.pem", "server", "localhost", true);
    x509_with(NULL, "alien", "elsewhere", true);
}

static void mutual(const char *cert, bool opens, const char *identity)
{
    static struct pair p;
    char key[32], pem[32];
    struct dtls_config client = {0}, server = {.server = true};

    begin(&p);
    server.cert = path("server.pem");
    server.key_file = path("server.key");
    server.ca = path("ca.pem");
    if (cert) {
        snprintf(pem, sizeof pem, "%s.pem", cert);
        snprintf(key, sizeof key, "%s.key", cert);
        client.cert = path(pem);
        client.key_file = path(key);
    }
    credentials(&p, &client, &server);
    shake_hands(&p, "localhost");
    deliver(&p);
    assert_int_equal(p.side[SERVER].opened, opens);
    if (opens)
        assert_string_equal(dtls_identity(p.side[SERVER].d), identity);
    end(&p);
}

static void a_server_with_a_ca_demands_a_client_certificate(void **state)
{
    (void)state;
    mutual("client", true, "client");
    mutual(NULL, false, NULL);
    mutual("alien", false, NULL);
    mutual("server", false, NULL); /* of the same CA, but not a client's */
}

/* Each of the first datagrams of a handshake is lost, and each two of them.
 * All of the handshakes wait for their retransmissions together. */
static void lose_each(const struct dtls_config *client,
                      const struct dtls_config *server, bool resumed)
{
    enum { FIRST = 16, PAIRS = FIRST * (FIRST + 1) / 2, RETRANSMIT_MS = 20 };
    static struct pair p[PAIRS];
    unsigned n = 0;

    for (unsigned i = 1; i <= FIRST; i++) {
        for (unsigned k = i; k <= FIRST; k++, n++) {
            begin(&p[n]);
            credentials(&p[n], client, server);
            if (resumed) {
                shake_hands(&p[n], NULL);
                hang_up(&p[n]);
            }
            p[n].sent = 0;
            p[n].drop_at[0] = i;
            p[n].drop_at[1] = k;
            p[n].retransmit_ms = RETRANSMIT_MS;
            begin_handshake(&p[n], NULL);
        }
    }
    finish_handshakes(p, PAIRS);
    for (unsigned i = 0; i < PAIRS; i++) {
        assert_int_equal(p[i].side[0].opened, 1);
        assert_int_equal(p[i].side[SERVER].opened, 1);
        assert_int_equal(dtls_resumed(p[i].side[0].d), resumed);
        p[i].drop_at[0] = p[i].drop_at[1] = 0;
        exchange(&p[i], 100);
        end(&p[i]);
    }
}

static void every_lost_datagram_of_a_handshake_is_made_good(void **state)
{
    (void)state;
    lose_each(&psk_client, &psk_server, false);
}

static void every_lost_datagram_of_a_resumption_is_made_good(void **state)
{
    (void)state;
    lose_each(&psk_client, &psk_server, true);
}

static void every_lost_datagram_with_certificates_is_made_good(void **state)
{
    struct dtls_config client = {.ca = path("ca.pem"),
                                 .cert = path("client.pem"),
                                 .key_file = path("client.key")};
    struct dtls_config server = {.server = true,
                                 .ca = path("ca.pem"),
                                 .cert = path("server.pem"),
                                 .key_file = path("server.key")};

    (void)state;
    lose_each(&client, &server, false);
}

static void a_session_is_resumed_by_its_ticket(void **state)
{
    static struct pair p;

    (void)state;
    begin(&p);
    credentials(&p, &psk_client, &psk_server);
    shake_hands(&p, NULL);
    assert_false(dtls_resumed(p.side[0].d));
    hang_up(&p);
    shake_hands(&p, NULL);
    assert_true(dtls_resumed(p.side[0].d));
    assert_string_equal(dtls_identity(p.side[SERVER].d), "module");
    exchange(&p, 10);
    end(&p);
}

static void no_state_without_the_right_cookie(void **state)
{
    static struct pair p;
    struct side *c = &p.side[0];
    struct datagram hello;
    struct dtls *made = NULL;

    (void)state;
    begin(&p);
    credentials(&p, &psk_client, &psk_server);
    c->d = dtls_connect(p.credentials[0], NULL, &ops, c);
    dtls_tick(c->d);
    assert_int_equal(p.queued, 1);
    p.queued = 0;
    assert_int_equal(dtls_accept(p.credentials[1], "here", 4, p.queue[0].bytes,
                                 p.queue[0].len, 0, &ops, &p.side[1], &made),
                     0);
    assert_null(made);
    assert_int_equal(p.queued, 1);
    p.queued = 0;
    dtls_receive(c->d, p.queue[0].bytes, p.queue[0].len);
    hello = p.queue[0];
    /* Another address, then an old cookie: a new HelloVerifyRequest. */
    assert_int_equal(dtls_accept(p.credentials[1], "there", 5, hello.bytes,
                                 hello.len, 0, &ops, &p.side[1], &made),
                     0);
    assert_null(made);
    assert_int_equal(dtls_accept(p.credentials[1], "here", 4, hello.bytes,
                                 hello.len, 119, &ops, &p.side[1], &made),
                     0);
    assert_non_null(made);
    dtls_free(made);
    assert_int_equal(dtls_accept(p.credentials[1], "here", 4, hello.bytes,
                                 hello.len, 180, &ops, &p.side[1], &made),
                     0);
    assert_null(made);
    /* No hello at all. */
    hello.bytes[13] = 2;
    assert_int_equal(dtls_accept(p.credentials[1], "here", 4, hello.bytes,
                                 hello.len, 0, &ops, &p.side[1], &made),
                     DFOTA_E_PROTOCOL);
    end(&p);
}

static void noise_does_not_hurt_a_session(void **state)
{
    static struct pair p;
    uint8_t noise[300];
    uint32_t seed = 1;

    (void)state;
    begin(&p);
    credentials(&p, &psk_client, &psk_server);
    shake_hands(&p, NULL);
    for (unsigned i = 0; i < 2000; i++) {
        for (size_t k = 0; k < sizeof noise; k++) {
            seed = seed * 1664525 + 1013904223;
            noise[k] = (uint8_t)(seed >> 24);
        }
        if (i % 2) { /* what looks like a record */
            noise[0] = (uint8_t)(20 + i / 2 % 5);
            noise[1] = 254;
            noise[2] = 253;
            noise[3] = 0;
            noise[4] = i / 10 % 2;
            noise[11] = 0;
            noise[12] = (uint8_t)(i % sizeof noise - 12);
        }
        for (int side = 0; side < 2; side++)
            dtls_receive(p.side[side].d, noise, 1 + i % sizeof noise);
        p.queued = 0;
        exchange(&p, 1);
    }
    assert_int_equal(p.side[0].closed + p.side[1].closed, 0);
    p.queued = 0;
    exchange(&p, 100);
    end(&p);
}

static void bad_credentials_are_refused_with_a_sentence(void **state)
{
    struct dtls_config client = {0};
    struct dtls_credentials *c;
    const char *why;

    (void)state;
    client.ca = path("server.key");
    assert_int_equal(dtls_credentials_create(&c, &client, &why), DFOTA_E_ARG);
    assert_null(c);
    assert_non_null(strstr(why, "server.key"));
    client.ca = NULL;
    client.cert = path("server.pem");
    client.key_file = path("alien.key");
    assert_int_equal(dtls_credentials_create(&c, &client, &why), DFOTA_E_ARG);
    client = psk_client;
    client.key_len = 0;
    assert_int_equal(dtls_credentials_create(&c, &client, &why), DFOTA_E_ARG);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/dfota-dtls-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    make_ca("ca");
    make_ca("strangers");
    make_certificate("server", "ca", "serverAuth");
    make_certificate("client", "ca", "clientAuth");
    make_certificate("alien", "strangers", "serverAuth,clientAuth");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    run("rm -r %s", folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_psk_opens_a_session),
        cmocka_unit_test(a_wrong_key_and_an_unknown_identity_look_alike),
        cmocka_unit_test(a_certificate_is_verified_when_there_is_a_ca),
        cmocka_unit_test(a_server_with_a_ca_demands_a_client_certificate),
        cmocka_unit_test(every_lost_datagram_of_a_handshake_is_made_good),
        cmocka_unit_test(every_lost_datagram_of_a_resumption_is_made_good),
        cmocka_unit_test(every_lost_datagram_with_certificates_is_made_good),
        cmocka_unit_test(a_session_is_resumed_by_its_ticket),
        cmocka_unit_test(no_state_without_the_right_cookie),
        cmocka_unit_test(noise_does_not_hurt_a_session),
        cmocka_unit_test(bad_credentials_are_refused_with_a_sentence),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
