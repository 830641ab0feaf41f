#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "metrics.h"
#include "proto/messages.h"

#define HANDSHAKE_MSEC 5000
#define RECONNECT_MSEC 50
#define RECONNECT_MAX_MSEC 2000
#define DRAIN_MAX 10000

struct bus {
    void *zmq;
    pthread_mutex_t lock; /* the PUSH sockets are used from several threads */
    void *push[STAGE_COUNT], *pull[STAGE_COUNT];
    bool send;
};

/* <base>/<stage> for ipc; for tcp the base's port plus the stage's number. 0 or -EINVAL. */
static int endpoint(char *to, size_t size, const char *base, size_t len, enum stage stage) {
    int n = -1;
    if (strncmp(base, "ipc://", 6) == 0)
        n = snprintf(to, size, "%.*s/%s", (int) len, base, stage_name(stage));
    else if (strncmp(base, "tcp://", 6) == 0) {
        const char *colon = memrchr(base, ':', len);
        long port = strtol(colon + 1, NULL, 10);
        if (port > 0 && port + stage < 65536)
            n = snprintf(to, size, "%.*s:%ld", (int) (colon - base), base, port + (long) stage);
    }
    return n < 0 || (size_t) n >= size ? -EINVAL : 0;
}

static void *socket_new(struct bus *bus, int type) {
    void *s = zmq_socket(bus->zmq, type);
    if (!s)
        return NULL;
    int one = 1, zero = 0, handshake = HANDSHAKE_MSEC, first = RECONNECT_MSEC, last = RECONNECT_MAX_MSEC;
    int64_t largest = MESSAGE_BYTES_MAX;
    (void) zmq_setsockopt(s, ZMQ_SNDHWM, &one, sizeof(one));
    (void) zmq_setsockopt(s, ZMQ_RCVHWM, &one, sizeof(one));
    (void) zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero));
    (void) zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &largest, sizeof(largest));
    (void) zmq_setsockopt(s, ZMQ_HANDSHAKE_IVL, &handshake, sizeof(handshake));
    (void) zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &first, sizeof(first));
    (void) zmq_setsockopt(s, ZMQ_RECONNECT_IVL_MAX, &last, sizeof(last));
    return s;
}

static int bind_push(struct bus *bus, const char *base, enum stage stage) {
    char address[256];
    if (endpoint(address, sizeof(address), base, strlen(base), stage) < 0)
        return -EINVAL;
    bus->push[stage] = socket_new(bus, ZMQ_PUSH);
    if (!bus->push[stage])
        return -ENOMEM;
    if (zmq_bind(bus->push[stage], address) < 0) {
        int e = errno;
        log_error("bus: cannot bind %s: %s", address, zmq_strerror(e));
        return -e;
    }
    return 0;
}

static int connect_pull(struct bus *bus, const char *senders, enum stage stage) {
    bus->pull[stage] = socket_new(bus, ZMQ_PULL);
    if (!bus->pull[stage])
        return -ENOMEM;
    for (const char *p = senders; *(p += strspn(p, " \t"));) {
        size_t len = strcspn(p, " \t");
        char address[256];
        if (endpoint(address, sizeof(address), p, len, stage) < 0 || zmq_connect(bus->pull[stage], address) < 0) {
            log_error("bus: cannot connect to \"%.*s\" for %s", (int) len, p, stage_name(stage));
            return -EINVAL;
        }
        p += len;
    }
    return 0;
}

int bus_open(struct bus **ret, const struct bus_options *options, unsigned hints, unsigned works) {
    _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return -ENOMEM;
    pthread_mutex_init(&bus->lock, NULL);
    bus->send = options->send;
    bus->zmq = zmq_ctx_new();
    if (!bus->zmq)
        return -ENOMEM;
    for (int i = 0; i < STAGE_COUNT; i++) {
        int r = 0;
        if (hints & 1u << i)
            r = bind_push(bus, options->bind, (enum stage) i);
        if (r == 0 && works & 1u << i)
            r = connect_pull(bus, options->senders, (enum stage) i);
        if (r < 0)
            return r;
    }
    *ret = bus;
    bus = NULL;
    return 0;
}

void bus_free(struct bus *bus) {
    if (!bus)
        return;
    for (int i = 0; i < STAGE_COUNT; i++) {
        if (bus->push[i])
            (void) zmq_close(bus->push[i]);
        if (bus->pull[i])
            (void) zmq_close(bus->pull[i]);
    }
    if (bus->zmq)
        (void) zmq_ctx_term(bus->zmq);
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

void bus_hint(struct bus *bus, enum stage stage, int64_t job) {
    if (!bus || !bus->push[stage] || !bus->send)
        return;
    struct message_HINT hint = {.job = (uint64_t) job};
    (void) snprintf(hint.stage, sizeof(hint.stage), "%s", stage_name(stage));
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t len = message_encode_HINT(&hint, bytes);
    pthread_mutex_lock(&bus->lock);
    int r = zmq_send(bus->push[stage], bytes, len, ZMQ_DONTWAIT);
    pthread_mutex_unlock(&bus->lock);
    /* EAGAIN is normal: all workers have a hint waiting already. */
    metrics_add(r < 0 ? METRIC_HINTS_DROPPED : METRIC_HINTS_SENT, stage_name(stage), 1);
}

int bus_poll_items(struct bus *bus, zmq_pollitem_t *items) {
    int n = 0;
    for (int i = 0; bus && i < STAGE_COUNT; i++)
        if (bus->pull[i])
            items[n++] = (zmq_pollitem_t){.socket = bus->pull[i], .events = ZMQ_POLLIN};
    return n;
}

static bool is_hint(const void *data, size_t len, enum stage stage) {
    struct message_HINT hint;
    if (!message_decode_HINT(&hint, data, len)) {
        metrics_add(METRIC_HINTS_REFUSED, "malformed", 1);
        log_peer("bus: a message of %zu bytes for %s is no hint, dropped", len, stage_name(stage));
        return false;
    }
    if (stage_from_name(hint.stage) != stage) {
        metrics_add(METRIC_HINTS_REFUSED, "stage", 1);
        log_peer("bus: a hint for \"%s\" came to %s, dropped", hint.stage, stage_name(stage));
        return false;
    }
    return true;
}

unsigned bus_drain(struct bus *bus) {
    unsigned hinted = 0;
    for (int i = 0; bus && i < STAGE_COUNT; i++)
        for (int taken = 0; bus->pull[i] && taken < DRAIN_MAX; taken++) {
            uint8_t bytes[MESSAGE_BYTES_MAX];
            int len = zmq_recv(bus->pull[i], bytes, sizeof(bytes), ZMQ_DONTWAIT);
            if (len < 0)
                break;
            /* zmq_recv() tells the whole length of what it cut off. */
            if (!is_hint(bytes, (size_t) len <= sizeof(bytes) ? (size_t) len : 0, (enum stage) i))
                continue;
            metrics_add(METRIC_HINTS_RECEIVED, stage_name((enum stage) i), 1);
            hinted |= 1u << i;
        }
    return hinted;
}
