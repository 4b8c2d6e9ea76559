/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the client share; for them alone. Layer: lwm2m.
 */
#ifndef DFOTA_LWM2M_CLIENT_PARTS_H
#define DFOTA_LWM2M_CLIENT_PARTS_H

#include "lwm2m/client.h"
#include "lwm2m/payload_writer.h"

/* ---- client_objects.c: the data ------------------------------------------ */

enum { RECORDS_MAX = 96 }; /* of one Read */

enum resource_type {
    TYPE_NONE, /* executable */
    TYPE_STRING,
    TYPE_INTEGER,
    TYPE_BOOLEAN,
    TYPE_BYTES,
};

enum { CAN_READ = 1, CAN_WRITE = 2, CAN_EXECUTE = 4, IS_MULTIPLE = 8 };

struct resource {
    uint16_t object, id;
    uint8_t can;
    uint8_t type;
    uint8_t versions; /* 1: LwM2M 1.0, 2: 1.1; of object 5 its own version */
};

/* Collects what paths have; zeroed to begin. Values live in text. */
struct reading {
    struct lwm2m_record record[RECORDS_MAX];
    size_t n;
    char text[512];
    size_t text_len;
};

/** NULL: there is no such resource in this client. */
const struct resource *objects_find(const struct lwm2m_client *c,
                                    unsigned object, unsigned id);

/** The object, or the instance of a path of at least depth 2, is there. */
bool objects_have(const struct lwm2m_client *c, const struct lwm2m_path *path);

/**
 * Add the records under a path that may be read.
 *
 * returns  2.05, or the code that says why not
 */
uint8_t objects_read(struct lwm2m_client *c, const struct lwm2m_path *path,
                     struct reading *r);

/**
 * Write one value; with apply false only look whether it can be written.
 *
 * bootstrap    by the bootstrap server, who may write everything
 * returns      2.04, or why not
 */
uint8_t objects_write(struct lwm2m_client *c, const struct lwm2m_record *r,
                      bool bootstrap, bool apply);

/** Bootstrap Delete (client_write.c, as the one above). returns 2.02, or why
 * not */
uint8_t objects_delete(struct lwm2m_client *c, const struct lwm2m_path *path);

/** Instances in link format: a registration, or Discover of a path. */
void objects_links(const struct lwm2m_client *c, const struct lwm2m_path *path,
                   bool registration, struct buffer *out);

/* An instance of object 0 or 1; NULL. */
struct lwm2m_security *objects_security_at(struct lwm2m_client *c, unsigned id);
struct lwm2m_server *objects_server_at(struct lwm2m_client *c, unsigned id);

/** The instance of object 1 of the management server; NULL. */
struct lwm2m_server *objects_server(struct lwm2m_client *c);
struct lwm2m_security *objects_security(struct lwm2m_client *c, bool bootstrap);

/* ---- client_request.c: what servers ask ---------------------------------- */

void client_request(struct lwm2m_client *c, const struct coap_ticket *ticket,
                    const struct coap_msg *m);

/** Forget a half body: the connection or the server is another. */
void client_drop_bodies(struct lwm2m_client *c);

/** Answer with the code of a; of 2.05 with the block of `out`, which is in a
 * format, that the request asks for, and `more` options. */
void client_answer_read(struct lwm2m_client *c,
                        const struct coap_ticket *ticket,
                        const struct coap_msg *m, struct coap_answer *a,
                        unsigned format, const struct coap_options *more,
                        const struct buffer *out);

/** Observe of the request: 0 begin, 1 end, -1 neither. */
int client_observe_of(const struct coap_msg *m);

/** The code for what a payload's reader said. */
uint8_t client_code_of(int err);

/** Write all of a payload, or nothing. returns the code */
uint8_t client_apply(struct lwm2m_client *c, const struct lwm2m_path *path,
                     unsigned format, const uint8_t *data, size_t len);

/* ---- client_composite.c -------------------------------------------------- */

/** FETCH and iPATCH. */
void client_composite(struct lwm2m_client *c, const struct coap_ticket *ticket,
                      const struct coap_msg *m, const struct lwm2m_path *path);

/** A read of several paths. returns 2.05 with payload in out, or why not */
uint8_t composite_read(struct lwm2m_client *c,
                       const struct lwm2m_composite *what, unsigned format,
                       struct buffer *out);

/* ---- client_package.c: Write of /5/0/0 ----------------------------------- */

/** A Write that goes to, or contains, the package. */
void client_package(struct lwm2m_client *c, const struct coap_ticket *ticket,
                    const struct coap_msg *m, const struct lwm2m_path *path,
                    unsigned format);

/** The in-band transfer is over or broken. */
void client_package_end(struct lwm2m_client *c);

void client_answer(struct lwm2m_client *c, const struct coap_ticket *ticket,
                   uint8_t code);
/** options: wire form. */
void client_answer_with(struct lwm2m_client *c,
                        const struct coap_ticket *ticket, uint8_t code,
                        const uint8_t *options, size_t len);

/* ---- client_observe.c ---------------------------------------------------- */

/** Take on an observation. what: of several paths, or NULL. False: no room. */
bool observe_begin(struct lwm2m_client *c, const struct coap_ticket *ticket,
                   const struct lwm2m_path *path,
                   const struct lwm2m_composite *what, unsigned format,
                   uint32_t *seq);
void observe_end(struct lwm2m_client *c, const struct coap_ticket *ticket);
void observe_drop_all(struct lwm2m_client *c);
/** Send what is due. returns when the next is */
uint64_t observe_tick(struct lwm2m_client *c);
void observe_changed(struct lwm2m_client *c, const struct lwm2m_path *path);

/** Write-Attributes. returns the code of the answer */
uint8_t attributes_write(struct lwm2m_client *c, const struct lwm2m_path *path,
                         const struct coap_msg *m);
/** Attributes of exactly this path, ";pmin=1;gt=5". */
void attributes_print(const struct lwm2m_client *c,
                      const struct lwm2m_path *path, struct buffer *out);

/** A read of path in a format, or the best one (format NONE). returns 2.05
 * with payload in out, or why not */
uint8_t client_read(struct lwm2m_client *c, const struct lwm2m_path *path,
                    unsigned *format, struct buffer *out);

/* ---- client_register.c --------------------------------------------------- */

void client_send_bootstrap(struct lwm2m_client *c);
void client_send_register(struct lwm2m_client *c);
void client_send_update(struct lwm2m_client *c);
/** De-register, then off. */
void client_leave(struct lwm2m_client *c);
void client_off(struct lwm2m_client *c);
/** The bootstrap server said Finish. returns the code of the answer */
uint8_t client_bootstrapped(struct lwm2m_client *c);

/* ---- client.c ------------------------------------------------------------ */

void client_keep(struct lwm2m_client *c);
/** Something is due at another time than it was. */
void client_rearm(struct lwm2m_client *c);
void client_set_state(struct lwm2m_client *c, enum lwm2m_client_state state);
void client_wait_until(struct lwm2m_client *c, uint64_t ms);
/** What was tried failed: later again, twice as much later each time. */
void client_try_later(struct lwm2m_client *c);
/** Something was sent or heard: the radio stays on a while (queue mode). */
void client_stay_awake(struct lwm2m_client *c);
bool client_queue_mode(struct lwm2m_client *c);
uint64_t client_earlier(uint64_t a, uint64_t b);

#endif
