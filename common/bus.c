#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bus_curve.h"
#include "log.h"
#include "metrics.h"
#include "proto/messages.h"

#define HANDSHAKE_MSEC 5000
#define RECONNECT_MSEC 50
#define RECONNECT_MAX_MSEC 2000
#define HEARTBEAT_MSEC 5000 /* a peer or a link that is silent three times as long is gone */
#define DRAIN_MAX 10000
#define REFUSED_AGAIN_USEC (2 * USEC_PER_SEC)

struct bus {
    void *zmq;
    struct bus_curve *curve; /* NULL: ipc:// only */
    pthread_mutex_t lock;    /* the PUSH sockets are used from several threads */
    void *push[STAGE_COUNT], *pull[STAGE_COUNT];
    void *monitor[STAGE_COUNT];      /* of pull, with curve: tells that a sender refused us */
    int64_t again_usec[STAGE_COUNT]; /* when pull is to be made anew; 0: it is not */
    unsigned monitors;               /* made so far: each needs a name of its own */
    const char *senders;
    bool send;
};

static bool is_tcp(const char *base) {
    return strncmp(base, "tcp://", 6) == 0;
}

/* <base>/<stage> for ipc; for tcp the base's port plus the stage's number. 0 or -EINVAL. */
static int endpoint(char *to, size_t size, const char *base, size_t len, enum stage stage) {
    int n = -1;
    if (strncmp(base, "ipc://", 6) == 0)
        n = snprintf(to, size, "%.*s/%s", (int) len, base, stage_name(stage));
    else if (is_tcp(base)) {
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
    int one = 1, zero = 0, handshake = HANDSHAKE_MSEC, first = RECONNECT_MSEC, last = RECONNECT_MAX_MSEC,
        heartbeat = HEARTBEAT_MSEC, silence = 3 * HEARTBEAT_MSEC;
    int64_t largest = MESSAGE_BYTES_MAX;
    (void) zmq_setsockopt(s, ZMQ_SNDHWM, &one, sizeof(one));
    (void) zmq_setsockopt(s, ZMQ_RCVHWM, &one, sizeof(one));
    (void) zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero));
    (void) zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &largest, sizeof(largest));
    (void) zmq_setsockopt(s, ZMQ_CONNECT_TIMEOUT, &handshake, sizeof(handshake));
    (void) zmq_setsockopt(s, ZMQ_HANDSHAKE_IVL, &handshake, sizeof(handshake));
    (void) zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &first, sizeof(first));
    (void) zmq_setsockopt(s, ZMQ_RECONNECT_IVL_MAX, &last, sizeof(last));
    (void) zmq_setsockopt(s, ZMQ_HEARTBEAT_IVL, &heartbeat, sizeof(heartbeat));
    (void) zmq_setsockopt(s, ZMQ_HEARTBEAT_TIMEOUT, &silence, sizeof(silence));
    return s;
}

static int bind_push(struct bus *bus, const char *base, enum stage stage) {
    char address[256];
    if (endpoint(address, sizeof(address), base, strlen(base), stage) < 0) {
        log_error("bus: \"%s\" is no address to bind: ipc:///DIRECTORY or tcp://HOST:PORT", base);
        return -EINVAL;
    }
    bus->push[stage] = socket_new(bus, ZMQ_PUSH);
    if (!bus->push[stage] || (is_tcp(base) && bus_curve_serve(bus->curve, bus->push[stage]) < 0))
        return -ENOMEM;
    if (zmq_bind(bus->push[stage], address) < 0) {
        int e = errno;
        log_error("bus: cannot bind %s: %s", address, zmq_strerror(e));
        return -e;
    }
    return 0;
}

/* libzmq does not try again after a refusal, and says so to nobody but a monitor. */
static void *watch(struct bus *bus, void *socket) {
    char address[40];
    (void) snprintf(address, sizeof(address), "inproc://refusals-%u", bus->monitors++);
    int events = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, zero = 0;
    if (zmq_socket_monitor(socket, address, events) < 0)
        return NULL;
    void *monitor = zmq_socket(bus->zmq, ZMQ_PAIR);
    if (monitor)
        (void) zmq_setsockopt(monitor, ZMQ_LINGER, &zero, sizeof(zero));
    if (monitor && zmq_connect(monitor, address) == 0)
        return monitor;
    if (monitor)
        (void) zmq_close(monitor);
    return NULL;
}

static int connect_one(struct bus *bus, void *pull, const char *base, size_t len, enum stage stage) {
    char address[256];
    int r = endpoint(address, sizeof(address), base, len, stage);
    if (r == 0 && is_tcp(base))
        r = bus_curve_connect(bus->curve, pull, base, len);
    else if (r == 0)
        bus_curve_plain(pull);
    if (r == 0 && zmq_connect(pull, address) < 0)
        r = -errno;
    if (r < 0)
        log_error("bus: cannot connect to \"%.*s\" for %s%s", (int) len, base, stage_name(stage),
                  r == -ENOENT ? ": bus.peers names no key for this address" : "");
    return r < 0 ? -EINVAL : 0;
}

static int connect_pull(struct bus *bus, enum stage stage) {
    void *pull = bus->pull[stage] = socket_new(bus, ZMQ_PULL);
    if (!pull)
        return -ENOMEM;
    if (bus->curve)
        bus->monitor[stage] = watch(bus, pull);
    for (const char *p = bus->senders; *(p += strspn(p, " \t"));) {
        size_t len = strcspn(p, " \t");
        int r = connect_one(bus, pull, p, len, stage);
        if (r < 0)
            return r;
        p += len;
    }
    return 0;
}

static void disconnect_pull(struct bus *bus, int stage) {
    if (bus->monitor[stage]) {
        (void) zmq_socket_monitor(bus->pull[stage], NULL, 0);
        (void) zmq_close(bus->monitor[stage]);
    }
    if (bus->pull[stage])
        (void) zmq_close(bus->pull[stage]);
    bus->monitor[stage] = bus->pull[stage] = NULL;
}

static int open_curve(struct bus *bus, const struct bus_options *options) {
    bool has_key = options->key && *options->key, has_peers = options->peers && *options->peers;
    if (has_key && has_peers)
        return bus_curve_open(&bus->curve, bus->zmq, options->key, options->peers);
    if (!has_key && !has_peers && !is_tcp(options->bind) && !strstr(options->senders, "tcp://"))
        return 0;
    log_error("bus: tcp:// is for peers that prove themselves: bus.key and bus.peers must be given");
    return -EINVAL;
}

int bus_open(struct bus **ret, const struct bus_options *options, unsigned hints, unsigned works) {
    _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return -ENOMEM;
    pthread_mutex_init(&bus->lock, NULL);
    bus->send = options->send;
    bus->senders = options->senders;
    bus->zmq = zmq_ctx_new();
    if (!bus->zmq)
        return -ENOMEM;
    int opened = open_curve(bus, options);
    if (opened < 0)
        return opened;
    for (int i = 0; i < STAGE_COUNT; i++) {
        int r = 0;
        if (hints & 1u << i)
            r = bind_push(bus, options->bind, (enum stage) i);
        if (r == 0 && works & 1u << i)
            r = connect_pull(bus, (enum stage) i);
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
        disconnect_pull(bus, i);
    }
    if (bus->zmq)
        (void) zmq_ctx_shutdown(bus->zmq);
    bus_curve_free(bus->curve);
    if (bus->zmq)
        (void) zmq_ctx_term(bus->zmq);
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

void bus_reload(struct bus *bus) {
    /* Who was taken off the list stays connected until his connection ends: a hint tells nothing worth a sudden end. */
    if (bus && bus->curve)
        (void) bus_curve_reload(bus->curve);
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

/* Makes a socket anew some time after a sender refused it: it may have been entered among the peers since. */
static void look_for_refusals(struct bus *bus, int i) {
    uint8_t frame[256];
    bool refused = false;
    while (bus->monitor[i] && zmq_recv(bus->monitor[i], frame, sizeof(frame), ZMQ_DONTWAIT) >= 0)
        refused = true;
    if (refused && bus->again_usec[i] == 0) {
        log_warning("bus: a sender refuses our key, or is not who bus.peers says (%s)", stage_name((enum stage) i));
        bus->again_usec[i] = clock_monotonic_usec() + REFUSED_AGAIN_USEC;
    }
    if (bus->again_usec[i] == 0 || clock_monotonic_usec() < bus->again_usec[i])
        return;
    bus->again_usec[i] = 0;
    disconnect_pull(bus, i);
    if (connect_pull(bus, (enum stage) i) < 0)
        bus->again_usec[i] = clock_monotonic_usec() + REFUSED_AGAIN_USEC;
}

unsigned bus_drain(struct bus *bus) {
    unsigned hinted = 0;
    for (int i = 0; bus && i < STAGE_COUNT; i++) {
        if (bus->curve)
            look_for_refusals(bus, i);
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
    }
    return hinted;
}
