/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/coap_waiting.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/log.h"

enum { WAITING_MAX = 64 };

STAILQ_HEAD(requests, coap_waiting_request);

struct coap_waiting {
    struct vault *vault;
    int wake_fd;
    unsigned n;           /* of the one thread */
    pthread_mutex_t lock; /* of over */
    struct requests over;
};

struct coap_waiting *coap_waiting_create(struct vault *vault, int wake_fd)
{
    struct coap_waiting *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->vault = vault;
    w->wake_fd = wake_fd;
    pthread_mutex_init(&w->lock, NULL);
    STAILQ_INIT(&w->over);
    return w;
}

void coap_waiting_destroy(struct coap_waiting *w)
{
    struct coap_waiting_request *request;

    if (!w)
        return;
    while ((request = coap_waiting_take(w)))
        free(request);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* In the thread that brings contents. */
static void end(struct errand *errand, int err)
{
    struct coap_waiting_request *request =
        (struct coap_waiting_request *)errand;
    struct coap_waiting *w = request->waiting;
    uint64_t one = 1;

    request->err = err;
    pthread_mutex_lock(&w->lock);
    STAILQ_INSERT_TAIL(&w->over, request, over);
    if (write(w->wake_fd, &one, sizeof one) < 0)
        log_debug("coap: the thread is awake already");
    pthread_mutex_unlock(&w->lock);
}

bool coap_waiting_add(struct coap_waiting *w, struct coap_listener *l,
                      const struct coap_remote *remote,
                      const struct coap_ticket *ticket,
                      const struct coap_msg *m, const char *path)
{
    struct coap_waiting_request *request;
    size_t address_len;
    const void *address = coap_remote_address(remote, &address_len);

    if (!vault_shares(w->vault) || w->n == WAITING_MAX ||
        strncmp(path, "id/", 3) != 0 || m->options_len > COAP_OPTIONS_MAX)
        return false;
    request = calloc(1, sizeof *request);
    if (!request)
        return false;
    request->waiting = w;
    request->listener = l;
    request->ticket = *ticket;
    request->msg = *m;
    if (m->options_len > 0)
        memcpy(request->options, m->options, m->options_len);
    request->msg.options = request->options;
    request->msg.payload = NULL;
    request->msg.payload_len = 0;
    memcpy(request->address, address, address_len);
    request->address_len = address_len;
    snprintf(request->errand.name, sizeof request->errand.name, "%s", path + 3);
    request->errand.done = end;
    w->n++;
    vault_want(w->vault, &request->errand);
    return true;
}

struct coap_waiting_request *coap_waiting_take(struct coap_waiting *w)
{
    struct coap_waiting_request *request;

    pthread_mutex_lock(&w->lock);
    request = STAILQ_FIRST(&w->over);
    if (request) {
        STAILQ_REMOVE_HEAD(&w->over, over);
        w->n--;
    }
    pthread_mutex_unlock(&w->lock);
    return request;
}
