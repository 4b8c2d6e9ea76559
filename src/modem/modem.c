/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/modem.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

/* A time-out on a peer never becomes shorter than this. */
enum { PATIENCE_MIN_MS = 250, PATIENCE_AT_ZERO = 20 };

uint64_t module_pause(const struct module *m, uint32_t ms)
{
    if (m->c->speed <= 0)
        return ms > 0;
    return (uint64_t)((double)ms / m->c->speed);
}

uint64_t module_patience(const struct module *m, uint32_t ms)
{
    uint64_t real = m->c->speed > 0 ? (uint64_t)((double)ms / m->c->speed)
                                    : ms / PATIENCE_AT_ZERO;

    return real > PATIENCE_MIN_MS ? real : PATIENCE_MIN_MS;
}

/* Seconds that the clock has gained over ours. */
static int64_t stretched(const struct module *m)
{
    double elapsed = (double)(uv_now(m->loop) - m->started_ms) / 1000;

    return m->c->speed > 0 ? (int64_t)(elapsed * (m->c->speed - 1)) : 0;
}

int64_t module_clock(const struct module *m)
{
    return (int64_t)time(NULL) + m->set.clock_offset + stretched(m);
}

void module_keep_clock(struct module *m)
{
    m->set.clock_offset += stretched(m);
    m->started_ms = uv_now(m->loop);
}

static void print_registration(struct module *m, int which, uint8_t home)
{
    static const char *const names[] = {"+CREG", "+CGREG", "+CEREG"};
    uint8_t stat = radio_stat(&m->radio, home);

    if (m->creg_report[which] == 0 || home == 0)
        return;
    if (m->creg_report[which] == 2 && (stat == 1 || stat == 5))
        terminal_urc(m, "%s: %u,\"2D5D\",\"01A2D001\",%u", names[which], stat,
                     m->d->radio.access);
    else
        terminal_urc(m, "%s: %u", names[which], stat);
}

void module_radio_changed(struct module *m)
{
    const struct radio_profile *p = &m->d->radio;

    if (!radio_registered(&m->radio)) {
        m->radio.contexts = 0;
        agent_net_lost(m);
        lwm2m_network_lost(m);
    }
    if (m->power != POWER_ON || m->term.dumb)
        return;
    print_registration(m, 0, p->creg);
    print_registration(m, 1, p->cgreg);
    print_registration(m, 2, p->cereg);
    lwm2m_network_found(m);
}

static void on_searched(uv_timer_t *timer)
{
    struct module *m = timer->data;

    m->radio.searched = true;
    module_radio_changed(m);
    poll_searched(m);
}

static void on_banner(uv_timer_t *timer)
{
    struct module *m = timer->data;
    const char *line = m->d->banner[m->banner_line];

    m->term.dumb = false;
    if (m->d->silent_adaptive && m->set.rate == 0)
        line = NULL;
    if (line) {
        m->banner_line++;
        terminal_urc(m, "%s", line);
    }
    if (line && m->d->banner[m->banner_line])
        uv_timer_start(timer, on_banner, module_pause(m, m->d->timing.ready),
                       0);
    else
        uv_timer_start(&m->radio_timer, on_searched,
                       module_pause(m, m->d->timing.registered), 0);
}

/* An update that finished and was not taken note of: the length first, then
 * confirm, then the package goes. A cut between two of them comes here
 * again at the next boot. */
static int take_note(struct module *m)
{
    uint32_t len;
    int err;

    if (!chip_finished(&m->chip, &len))
        return 0;
    m->set.image_len = len;
    m->set.package_len = 0;
    err = settings_save(&m->set);
    if (!err)
        err = chip_confirm(&m->chip);
    if (!err)
        err = chip_package_erase(&m->chip);
    return err;
}

static void boot_normal(struct module *m)
{
    if (take_note(m) != 0 || chip_version(&m->chip, m->set.image_len,
                                          m->version, sizeof m->version) != 0)
        log_error("the flash cannot be read; the version is unknown");
    m->power = POWER_ON;
    m->banner_line = 0;
    m->set_rate(m->line, m->set.rate);
    radio_boot(&m->radio);
    terminal_reset(m);
    on_banner(&m->power_timer);
}

void module_resume(struct module *m)
{
    enum dfota_action action = DFOTA_ACTION_HELD;
    bool resumed;

    /* Only over a slot that is whole: else a reset has to sort it out. */
    if (chip_boot(&m->chip, &action, &resumed) != 0 ||
        action != DFOTA_ACTION_BOOT) {
        module_reset(m, m->d->timing.boot);
        return;
    }
    m->power = POWER_ON;
    m->set_rate(m->line, m->set.rate);
    m->term.dumb = false;
    on_searched(&m->radio_timer);
}

static void boot_dfota(struct module *m, enum dfota_boot found)
{
    m->power = POWER_DFOTA;
    if (m->d->dumb_rate && (!m->d->dumb_rate_adaptive || m->set.rate == 0))
        m->set_rate(m->line, m->d->dumb_rate);
    agent_boot_dfota(m, found);
}

/* The slot holds a whole image. Most boots just run it; the others follow a
 * cut between the mark (agent.c) and END. */
static void boot_image(struct module *m)
{
    uint32_t len;

    if (m->set.origin == ORIGIN_NONE) {
        boot_normal(m);
    } else if (!m->set.pending && chip_finished(&m->chip, &len)) {
        boot_dfota(m, DFOTA_BOOT_FINISHED);
    } else if (m->d->forced_upgrade) {
        boot_dfota(m, DFOTA_BOOT_FIRST);
    } else {
        if (m->set.origin == ORIGIN_POLL)
            poll_ended(m, m->d->polling->rolled_back);
        m->set.pending = false;
        settings_save(&m->set);
        settings_unmark(&m->set);
        boot_normal(m);
    }
}

static void on_boot(uv_timer_t *timer)
{
    struct module *m = timer->data;
    enum dfota_action action = DFOTA_ACTION_HELD;
    bool resumed = false;
    int err = chip_boot(&m->chip, &action, &resumed);

    m->boots++;
    terminal_abort(m);
    if (action == DFOTA_ACTION_UPDATE && !err) {
        boot_dfota(m, DFOTA_BOOT_RESUMED);
    } else if (action == DFOTA_ACTION_BOOT && !err) {
        boot_image(m);
    } else {
        m->power = POWER_HELD;
        agent_boot_held(m, err);
    }
}

void module_reset(struct module *m, uint32_t ms)
{
    m->power = POWER_BOOT;
    m->term.dumb = true;
    m->radio.searched = false;
    uv_timer_stop(&m->radio_timer);
    poll_stop(m);
    lwm2m_stop(m);
    uv_timer_start(&m->power_timer, on_boot, module_pause(m, ms), 0);
}

void module_power_on(struct module *m)
{
    if (m->power != POWER_OFF)
        return;
    if (m->set.off) {
        m->set.off = false;
        settings_save(&m->set);
    }
    m->set_ready(m->line, true);
    module_reset(m, m->d->timing.boot);
}

void module_power_off(struct module *m)
{
    agent_stop(m);
    uv_timer_stop(&m->power_timer);
    uv_timer_stop(&m->radio_timer);
    poll_stop(m);
    lwm2m_stop(m);
    module_keep_clock(m);
    m->power = POWER_OFF;
    m->set_ready(m->line, false);
    terminal_abort(m);
    m->set.off = true;
    if (!m->d->keeps_package && m->set.package_len > 0) {
        m->set.package_len = 0;
        chip_package_erase(&m->chip);
    }
    settings_save(&m->set);
}

char *module_file(const struct module *m, const char *name)
{
    char *path;

    if (!name || filestore_path(&m->files, name, &path) != 0)
        return NULL;
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

char *module_state(const struct module *m)
{
    static const char *const powers[] = {"off", "boot", "on", "dfota", "held"};
    json_t *o = json_pack(
        "{ss ss ss ss ss ss sI sI sI sI sI sI sI sb sb sb si}", "model",
        m->c->model, "dialect", m->d->name, "power", powers[m->power], "stage",
        agent_stage(m), "work", agent_work(m), "version", m->version,
        "flash_operations", (json_int_t)chip_operations(&m->chip),
        "dropped_bytes", (json_int_t)m->term.dropped, "dfota_at",
        (json_int_t)m->term.dumb_lines, "lines", (json_int_t)m->term.lines,
        "updates", (json_int_t)m->set.updates, "package",
        (json_int_t)m->set.package_len, "data_bytes",
        (json_int_t)m->term.data.got, "registered", radio_registered(&m->radio),
        "manual", m->agent.manual, "dtr", m->term.dtr, "boots", (int)m->boots);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

    json_decref(o);
    return text;
}

static int install_first_image(struct module *m)
{
    uint8_t *image;
    size_t len;
    int err;

    if (!m->c->firmware || !chip_is_empty(&m->chip))
        return 0;
    err = files_read(m->c->firmware, m->c->memory.slot, &image, &len);
    if (err == DFOTA_E_FULL) {
        log_error("%s: larger than the slot (%u bytes)", m->c->firmware,
                  m->c->memory.slot);
        return err;
    }
    if (err) {
        log_error("%s: %s", m->c->firmware,
                  err == DFOTA_E_NOMEM ? dfota_strerror(err) : strerror(errno));
        return err;
    }
    if (len == 0) {
        log_error("%s: is empty; give an image", m->c->firmware);
        free(image);
        return DFOTA_E_ARG;
    }
    err = chip_install(&m->chip, image, (uint32_t)len);
    free(image);
    if (err) {
        log_error("%s: cannot be put on the flash: %s", m->c->firmware,
                  dfota_strerror(err));
        return err;
    }
    m->set.image_len = (uint32_t)len;
    m->set.pending = false; /* of a flash that is no more */
    settings_unmark(&m->set);
    return settings_save(&m->set);
}

/* Two modules on one flash would each break the other's journal. The kernel
 * lets go of the lock however the process ends. */
static int lock_state(struct module *m)
{
    char *path = NULL;

    if (asprintf(&path, "%s/lock", m->c->state) < 0)
        return DFOTA_E_NOMEM;
    m->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    if (m->lock < 0) {
        log_error("%s: %s", m->c->state, strerror(errno));
        return DFOTA_E_IO;
    }
    if (flock(m->lock, LOCK_EX | LOCK_NB) != 0) {
        log_error("%s: another module runs from it; give another --state",
                  m->c->state);
        return DFOTA_E_BUSY;
    }
    return 0;
}

static int open_parts(struct module *m)
{
    struct chip_config chip = {
        .folder = m->c->state,
        .memory = &m->c->memory,
        .ram = m->c->ram,
        .class_name = m->d->name,
        .device_id = m->d->radio.imei,
        .cert = m->c->cert,
        .permit_cert = m->c->permit_cert,
        .renew = m->c->firmware != NULL,
        .seed = m->c->seed,
    };
    int err = files_make_folder(m->c->state);

    if (!err)
        err = filestore_open(&m->files, m->c->state,
                             m->d->files_root ? m->d->files_root : "/");
    if (err) {
        log_error("%s: %s", m->c->state, strerror(errno));
        return err;
    }
    err = lock_state(m);
    if (!err)
        err = settings_open(&m->set, m->c->state, m->d->factory_rate);
    if (!err)
        err = chip_open(&m->chip, &chip);
    if (!err)
        err = install_first_image(m);
    if (!err && chip_is_empty(&m->chip)) {
        log_error("%s holds no image; give --firmware IMAGE", m->c->state);
        err = DFOTA_E_NOTFOUND;
    }
    return err;
}

static void init_timers(struct module *m)
{
    uv_timer_init(m->loop, &m->power_timer);
    uv_timer_init(m->loop, &m->radio_timer);
    m->power_timer.data = m->radio_timer.data = m;
}

static void close_state(struct module *m)
{
    chip_close(&m->chip);
    settings_close(&m->set);
    filestore_close(&m->files);
    if (m->lock >= 0)
        close(m->lock);
}

int module_open(struct module *m, const struct module_config *c,
                uv_loop_t *loop)
{
    int err;

    memset(m, 0, sizeof *m);
    m->c = c;
    m->d = c->dialect;
    m->loop = loop;
    m->lock = -1;
    radio_init(&m->radio, &m->d->radio);
    fault_init(&m->fault, m->c->seed);
    err = open_parts(m);
    if (!err)
        err = lwm2m_open(m);
    if (err) {
        close_state(m);
        return err;
    }
    init_timers(m);
    m->started_ms = uv_now(loop);
    terminal_init(m);
    agent_init(m);
    poll_init(m);
    return 0;
}

void module_close(struct module *m)
{
    poll_close(m);
    lwm2m_close(m);
    agent_close(m);
    terminal_close(m);
    uv_close((uv_handle_t *)&m->power_timer, NULL);
    uv_close((uv_handle_t *)&m->radio_timer, NULL);
    close_state(m);
}
