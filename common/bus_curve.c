#include "bus_curve.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "key.h"
#include "log.h"
#include "metrics.h"

#define KEY_BYTES 32
#define KEY_CHARS 40 /* Z85 */
#define PEERS_MAX 256
#define NAME_MAX_BYTES 63
#define ADDRESS_MAX_BYTES 199
#define DOMAIN "inkan"
#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_FRAMES 7 /* version, request id, domain, address, routing id, mechanism, client key */

struct peer {
    char name[NAME_MAX_BYTES + 1];
    uint8_t key[KEY_BYTES];
    char address[ADDRESS_MAX_BYTES + 1]; /* "" for those that only work */
};

struct peers {
    struct peer *list;
    size_t n;
};

struct bus_curve {
    char secret[KEY_CHARS + 1], public[KEY_CHARS + 1];
    const char *peers_file;
    pthread_mutex_t lock; /* of the peers: the handler reads, the loop reads anew */
    struct peers peers;
    void *zap;
    pthread_t handler;
    bool running;
    int64_t complained_usec;
};

/* ---- the files */

static int read_key(struct bus_curve *c, const char *path) {
    FILE *file = NULL;
    int r = key_file_open(path, &file);
    if (r < 0) {
        log_error("bus: key %s: %s", path, r == -EACCES ? "must be a file that only its owner can read" : strerror(-r));
        return -EINVAL;
    }
    size_t n = fread(c->secret, 1, KEY_CHARS, file);
    int after = fgetc(file);
    bool whole = n == KEY_CHARS && (after == EOF || (after == '\n' && fgetc(file) == EOF));
    (void) fclose(file);
    c->secret[KEY_CHARS] = '\0';
    if (whole && zmq_curve_public(c->public, c->secret) == 0)
        return 0;
    log_error("bus: key %s: not one secret key of 40 characters, as inkanctl bus key makes it", path);
    return -EINVAL;
}

static bool take_peer(struct peers *to, const char *line) {
    char key[KEY_CHARS + 2], rest[2];
    if (to->n == PEERS_MAX)
        return false;
    struct peer *p = &to->list[to->n];
    p->address[0] = '\0';
    int words = sscanf(line, "%63s %41s %199s %1s", p->name, key, p->address, rest);
    if ((words != 2 && words != 3) || strlen(key) != KEY_CHARS || !zmq_z85_decode(p->key, key))
        return false;
    to->n++;
    return true;
}

static int read_peers(const char *path, struct peers *ret) {
    FILE *file = fopen(path, "re");
    if (!file) {
        log_error("bus: peers %s: %s", path, strerror(errno));
        return -EINVAL;
    }
    struct peers got = {.list = calloc(PEERS_MAX, sizeof(*got.list))};
    char line[NAME_MAX_BYTES + KEY_CHARS + ADDRESS_MAX_BYTES + 20];
    int number = 0;
    bool good = got.list != NULL;
    while (good && fgets(line, sizeof(line), file)) {
        size_t len = strlen(line);
        bool whole = line[len - 1] == '\n' || feof(file);
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        good = whole && (*line == '\0' || *line == '#' || take_peer(&got, line));
    }
    (void) fclose(file);
    if (good) {
        *ret = got;
        return 0;
    }
    free(got.list);
    log_error("bus: peers %s: line %d is not NAME KEY [ADDRESS], or there are more than %d", path, number, PEERS_MAX);
    return -EINVAL;
}

int bus_curve_reload(struct bus_curve *c) {
    struct peers got;
    int r = read_peers(c->peers_file, &got);
    if (r < 0)
        return r;
    pthread_mutex_lock(&c->lock);
    free(c->peers.list);
    c->peers = got;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* ---- ZAP: who may talk */

static bool is_peer(struct bus_curve *c, const uint8_t *key, char name[static NAME_MAX_BYTES + 1]) {
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->peers.n && !found; i++)
        if (memcmp(c->peers.list[i].key, key, KEY_BYTES) == 0) {
            found = true;
            memcpy(name, c->peers.list[i].name, NAME_MAX_BYTES + 1);
        }
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* Once a second at most: strangers do not fill the log. */
static void complain(struct bus_curve *c, const uint8_t *key, const char *address) {
    char text[KEY_CHARS + 1] = "";
    int64_t now = clock_monotonic_usec();
    metrics_add(METRIC_BUS_PEERS_REFUSED, NULL, 1);
    if (c->complained_usec && now - c->complained_usec < USEC_PER_SEC)
        return;
    c->complained_usec = now;
    if (key)
        (void) zmq_z85_encode(text, key, KEY_BYTES);
    log_peer("bus: %s with key %s is none of our peers, refused", address, key ? text : "(none)");
}

struct zap_request {
    char frame[ZAP_FRAMES][64]; /* cut and terminated: only the first 63 bytes of each matter */
    size_t len[ZAP_FRAMES];
    int frames;
};

/* False when the context ends. */
static bool receive(void *zap, struct zap_request *ret) {
    int more = 1;
    *ret = (struct zap_request){0};
    while (more) {
        size_t size = sizeof(more);
        char bytes[64];
        int n = zmq_recv(zap, bytes, sizeof(bytes) - 1, 0);
        if (n < 0)
            return errno == EINTR && ret->frames == 0;
        if (ret->frames < ZAP_FRAMES) {
            size_t len = (size_t) n < sizeof(bytes) ? (size_t) n : sizeof(bytes) - 1;
            memcpy(ret->frame[ret->frames], bytes, len);
            ret->len[ret->frames++] = (size_t) n;
        }
        if (zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &size) < 0)
            return false;
    }
    return true;
}

static void answer(struct bus_curve *c, const struct zap_request *q) {
    char name[NAME_MAX_BYTES + 1] = "";
    bool asked = q->frames == ZAP_FRAMES && strcmp(q->frame[5], "CURVE") == 0 && q->len[6] == KEY_BYTES;
    const uint8_t *key = asked ? (const uint8_t *) q->frame[6] : NULL;
    bool good = key && is_peer(c, key, name);
    if (!good)
        complain(c, key, q->frame[3]);
    const char *const frames[] = {"1.0", q->frame[1], good ? "200" : "400", good ? "OK" : "no peer", name, ""};
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        size_t len = i == 1 ? q->len[1] : strlen(frames[i]);
        if (zmq_send(c->zap, frames[i], len, i + 1 < ARRAY_SIZE(frames) ? ZMQ_SNDMORE : 0) < 0)
            return;
    }
}

static void *handle(void *arg) {
    struct bus_curve *c = arg;
    struct zap_request q;
    while (receive(c->zap, &q))
        if (q.frames > 0)
            answer(c, &q);
    (void) zmq_close(c->zap);
    return NULL;
}

/* ---- life */

int bus_curve_open(struct bus_curve **ret, void *zmq, const char *key_file, const char *peers_file) {
    struct bus_curve *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    pthread_mutex_init(&c->lock, NULL);
    c->peers_file = peers_file;
    int r = read_key(c, key_file);
    if (r == 0)
        r = bus_curve_reload(c);
    if (r == 0) {
        c->zap = zmq_socket(zmq, ZMQ_REP);
        r = c->zap && zmq_bind(c->zap, ZAP_ENDPOINT) == 0 ? 0 : -EAGAIN;
    }
    if (r == 0) {
        c->running = pthread_create(&c->handler, NULL, handle, c) == 0;
        r = c->running ? 0 : -EAGAIN;
    }
    if (r < 0) {
        if (c->zap)
            (void) zmq_close(c->zap);
        bus_curve_free(c);
        return r;
    }
    log_info("bus: our key is %s", c->public);
    *ret = c;
    return 0;
}

void bus_curve_free(struct bus_curve *c) {
    if (!c)
        return;
    if (c->running)
        pthread_join(c->handler, NULL);
    free(c->peers.list);
    pthread_mutex_destroy(&c->lock);
    explicit_bzero(c->secret, sizeof(c->secret));
    free(c);
}

/* ---- sockets */

int bus_curve_serve(const struct bus_curve *c, void *socket) {
    int yes = 1;
    bool set = zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes)) == 0 &&
               zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, c->secret, KEY_CHARS + 1) == 0 &&
               zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, DOMAIN, strlen(DOMAIN)) == 0;
    return set ? 0 : -errno;
}

int bus_curve_connect(struct bus_curve *c, void *socket, const char *base, size_t len) {
    uint8_t key[KEY_BYTES];
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->peers.n && !found; i++) {
        const struct peer *p = &c->peers.list[i];
        found = strlen(p->address) == len && memcmp(p->address, base, len) == 0;
        if (found)
            memcpy(key, p->key, sizeof(key));
    }
    pthread_mutex_unlock(&c->lock);
    if (!found)
        return -ENOENT;
    bool set = zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key, sizeof(key)) == 0 &&
               zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, c->public, KEY_CHARS + 1) == 0 &&
               zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, c->secret, KEY_CHARS + 1) == 0;
    return set ? 0 : -errno;
}

void bus_curve_plain(void *socket) {
    int no = 0;
    (void) zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &no, sizeof(no));
}
