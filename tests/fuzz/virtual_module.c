/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of libuv is clock_gettime(CLOCK_MONOTONIC), which is replaced
 * here; libFuzzer's own time-outs use the real-time clock. The network is
 * link_http_create(), link_coap_create() and coap_socket_open(), replaced as
 * well.
 */
#include "virtual_module.h"

#include <assert.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "link/coap_socket.h"
#include "link/link.h"
#include "os/files.h"
#include "os/log.h"

enum {
    TURNS_MAX = 100000, /* of the loop, for one stretch of time */
    LAST_WORDS = 64,
    START_MS = 1000000,
    ANSWER_MS = 100, /* of the network */
    FAMILIES_MAX = 16,
};

/* One module of each family, each with a time of its own, so that what one
 * input does to one of them is nothing to the others. */
static struct virtual
{
    bool open;
    uint64_t now_ms;
    uv_loop_t loop;
    struct module module;
    struct module_config config;
    struct settings fresh_settings;
    struct radio fresh_radio;
    uint64_t fresh_operations;
    char state[64];
}
all[FAMILIES_MAX], *v = all;

static char folder[] = "/dev/shm/dfota-fuzz-XXXXXX", image[64];
static size_t said;
static char last[LAST_WORDS];

/* ---- time ---------------------------------------------------------------- */

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
        return (int)syscall(SYS_clock_gettime, id, t);
    t->tv_sec = (time_t)(v->now_ms / 1000);
    t->tv_nsec = (long)(v->now_ms % 1000) * 1000000;
    return 0;
}

void virtual_pass(uint64_t ms)
{
    uint64_t end = v->now_ms + ms;

    for (int i = 0; i < TURNS_MAX && v->now_ms <= end; i++) {
        int wait;

        uv_update_time(&v->loop);
        uv_run(&v->loop, UV_RUN_NOWAIT);
        /* With nothing to wait for it says 0. */
        wait = uv_loop_alive(&v->loop) ? uv_backend_timeout(&v->loop) : -1;
        if (wait < 0 || v->now_ms + (uint64_t)wait > end)
            break;
        v->now_ms += (uint64_t)wait;
    }
    v->now_ms = end;
    uv_update_time(&v->loop);
}

/* ---- network ------------------------------------------------------------- */

struct fake_link {
    struct link link;
    uv_timer_t timer;
    link_callback *callback;
    void *ctx;
    unsigned script; /* the last byte of the URL */
    int step;
};

static void fake_step(uv_timer_t *timer)
{
    static const uint8_t body[700] = {'D', 'F', 'O', 'T', 'A'};
    struct fake_link *l = timer->data;
    struct link_event e = {.kind = LINK_HEAD,
                           .status = l->script % 4 == 1 ? 404 : 200,
                           .length = sizeof body};

    if (l->script % 4 == 0) {
        e.kind = LINK_ERROR;
        e.error = (enum link_error)(1 + l->script / 4 % 7);
        e.text = "as the fuzzer says";
    } else if (l->step == 1) {
        e.kind = LINK_DATA;
        e.data = body;
        e.len = l->script % 4 == 2 ? sizeof body : 100;
    } else if (l->step > 1) {
        e.kind = l->script % 4 == 2 ? LINK_END : LINK_ERROR;
        e.error = LINK_LOST;
        e.text = "lost";
    }
    l->step++;
    if (e.kind == LINK_HEAD || e.kind == LINK_DATA)
        uv_timer_start(timer, fake_step, ANSWER_MS, 0);
    if (l->callback(l->ctx, &e) != 0) {
        uv_timer_stop(timer);
        e = (struct link_event){.kind = LINK_ERROR, .error = LINK_REFUSED};
    }
}

static int fake_open(struct link *link, const struct link_request *r)
{
    struct fake_link *l = (struct fake_link *)link;
    size_t len = strlen(r->url);

    l->callback = r->callback;
    l->ctx = r->ctx;
    l->script = len > 0 ? (unsigned char)r->url[len - 1] : 0;
    l->step = 0;
    uv_timer_start(&l->timer, fake_step, ANSWER_MS, 0);
    return 0;
}

static void fake_close(struct link *link)
{
    uv_timer_stop(&((struct fake_link *)link)->timer);
}

static void fake_free(uv_handle_t *handle)
{
    free(handle->data);
}

static void fake_destroy(struct link *link)
{
    uv_close((uv_handle_t *)&((struct fake_link *)link)->timer, fake_free);
}

static const struct link_ops fake_ops = {fake_open, fake_close, fake_destroy};

static struct link *fake_create(uv_loop_t *on)
{
    struct fake_link *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->link.ops = &fake_ops;
    uv_timer_init(on, &l->timer);
    l->timer.data = l;
    return &l->link;
}

struct link *link_http_create(uv_loop_t *on, struct fault *fault)
{
    (void)fault;
    return fake_create(on);
}

struct link *link_coap_create(uv_loop_t *on, struct fault *fault)
{
    (void)fault;
    return fake_create(on);
}

/* LwM2M finds no way to its server. */
struct coap_socket *coap_socket_open(uv_loop_t *on,
                                     const struct coap_socket_config *c,
                                     const struct coap_socket_ops *ops,
                                     void *ctx)
{
    (void)on;
    (void)c;
    (void)ops;
    (void)ctx;
    return NULL;
}

/* ---- the module ---------------------------------------------------------- */

static void on_send(void *ctx, const void *data, size_t len)
{
    const char *bytes = data;
    size_t keep = len < LAST_WORDS ? LAST_WORDS - len : 0;

    (void)ctx;
    said += len;
    memmove(last, last + LAST_WORDS - keep, keep);
    memcpy(last + keep, bytes + len - (LAST_WORDS - keep), LAST_WORDS - keep);
}

static void on_rate(void *ctx, uint32_t rate)
{
    (void)ctx;
    (void)rate;
}

static void on_ready(void *ctx, bool ready)
{
    (void)ctx;
    (void)ready;
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *where)
{
    (void)st;
    (void)flag;
    (void)where;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void clean_up(void)
{
    remove_folder(folder);
}

static void close_module(void)
{
    module_close(&v->module);
    virtual_pass(0);
}

static void open_module(void)
{
    remove_folder(v->state);
    if (module_open(&v->module, &v->config, &v->loop) != 0)
        abort();
    v->module.send = on_send;
    v->module.set_rate = on_rate;
    v->module.set_ready = on_ready;
    module_power_on(&v->module);
    virtual_pass(60000);
    assert(v->module.power == POWER_ON && radio_registered(&v->module.radio));
    v->fresh_settings = v->module.set;
    v->fresh_radio = v->module.radio;
    v->fresh_operations = chip_operations(&v->module.chip);
}

static void prepare(void)
{
    static uint8_t bytes[6000] = "DFOTAVER1.0.0";

    log_init("fuzz", LOG_LEVEL_NONE);
    if (!mkdtemp(folder))
        abort();
    atexit(clean_up);
    snprintf(image, sizeof image, "%s/image", folder);
    if (files_write(image, bytes, sizeof bytes) != 0)
        abort();
}

static void make(const struct dialect *d)
{
    snprintf(v->state, sizeof v->state, "%s/%s", folder, d->name);
    uv_loop_init(&v->loop);
    v->now_ms = START_MS;
    v->config = (struct module_config){
        .dialect = d,
        .model = d->model[0],
        .state = v->state,
        .firmware = image,
        .fota_server = "https://fota.invalid:1",
        .speed = 1,
        .ram = 8192,
        .memory = {
            .sector = 4096, .slot = 16384, .backup = 16384, .package = 16384}};
    if (d->memory.backup != 0)
        v->config.memory.backup = 4096;
}

/* Nothing that outlives a terminal's reset has been touched. */
static bool is_fresh(void)
{
    const struct module *m = &v->module;

    if (m->power != POWER_ON || m->term.dumb || m->agent.manual ||
        m->agent.state != AGENT_IDLE || filestore_used(&m->files) > 0 ||
        chip_operations(&m->chip) != v->fresh_operations)
        return false;
    /* Padding that differs costs a fresh start that was not needed. */
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c)
    return memcmp(&m->set, &v->fresh_settings, sizeof m->set) == 0;
}

struct module *virtual_module(unsigned family)
{
    static bool prepared;
    unsigned families = 0;

    while (dialects[families])
        families++;
    assert(families > 0 && families <= FAMILIES_MAX);
    family %= families;
    if (!prepared)
        prepare();
    prepared = true;
    v = &all[family];
    if (!v->config.dialect)
        make(dialects[family]);
    if (v->open && is_fresh()) {
        terminal_abort(&v->module);
        terminal_reset(&v->module);
        v->module.term.dumb = false;
        v->module.term.dtr = true;
        v->module.radio = v->fresh_radio;
    } else {
        if (v->open)
            close_module();
        open_module();
        v->open = true;
    }
    said = 0;
    return &v->module;
}

size_t virtual_said(void)
{
    return said;
}

bool virtual_ended_with(const char *words)
{
    size_t len = strlen(words);

    return memcmp(last + LAST_WORDS - len, words, len) == 0;
}
