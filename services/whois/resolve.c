#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define STACK_BYTES ((size_t) 512 * 1024)

struct resolver {
    atomic_int users; /* the owner and each look-up */
    atomic_int running;
    int fd;
};

struct lookup {
    atomic_int users; /* the asker and the thread */
    atomic_bool ended;
    struct resolver *resolver;
    char host[HOST_MAX + 1];
    struct address addresses[ADDRESSES_MAX];
    size_t n;
};

int resolver_new(struct resolver **ret) {
    struct resolver *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    atomic_init(&r->users, 1);
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->fd < 0) {
        int e = errno;
        free(r);
        return -e;
    }
    *ret = r;
    return 0;
}

void resolver_free(struct resolver *r) {
    if (!r || atomic_fetch_sub(&r->users, 1) != 1)
        return;
    (void) close(r->fd);
    free(r);
}

int resolver_fd(const struct resolver *r) {
    return r->fd;
}

void resolver_drain(struct resolver *r) {
    eventfd_t n;
    (void) eventfd_read(r->fd, &n);
}

void lookup_free(struct lookup *l) {
    if (!l || atomic_fetch_sub(&l->users, 1) != 1)
        return;
    resolver_free(l->resolver);
    free(l);
}

static void look_up(struct lookup *l) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(l->host, NULL, &hints, &list) != 0)
        return;
    for (const struct addrinfo *i = list; i && l->n < ADDRESSES_MAX; i = i->ai_next) {
        if ((i->ai_family != AF_INET && i->ai_family != AF_INET6) || i->ai_addrlen > sizeof(struct sockaddr_storage))
            continue;
        memcpy(&l->addresses[l->n].storage, i->ai_addr, i->ai_addrlen);
        l->addresses[l->n++].len = i->ai_addrlen;
    }
    freeaddrinfo(list);
}

static void *look_up_thread(void *ctx) {
    struct lookup *l = ctx;
    look_up(l);
    atomic_store(&l->ended, true);
    (void) atomic_fetch_sub(&l->resolver->running, 1);
    (void) eventfd_write(l->resolver->fd, 1);
    lookup_free(l);
    return NULL;
}

static int start_thread(struct lookup *l) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int e = pthread_attr_init(&attributes);
    if (e != 0)
        return -e;
    sigfillset(&all); /* signals are the loop's */
    (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void) pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);
    e = pthread_create(&thread, &attributes, look_up_thread, l);
    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void) pthread_attr_destroy(&attributes);
    return -e;
}

int lookup_start(struct lookup **ret, struct resolver *r, const char *host) {
    size_t len = strlen(host);
    if (len > HOST_MAX)
        return -EINVAL;
    if (atomic_load(&r->running) >= LOOKUPS_MAX)
        return -EAGAIN;
    struct lookup *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    atomic_init(&l->users, 2);
    atomic_fetch_add(&r->users, 1);
    atomic_fetch_add(&r->running, 1);
    l->resolver = r;
    memcpy(l->host, host, len + 1);
    int e = start_thread(l);
    if (e < 0) {
        atomic_fetch_sub(&r->running, 1);
        atomic_store(&l->users, 1);
        lookup_free(l);
        return e;
    }
    *ret = l;
    return 0;
}

int lookup_result(const struct lookup *l, struct address addresses[static ADDRESSES_MAX], size_t *ret_n) {
    if (!atomic_load(&l->ended))
        return 0;
    memcpy(addresses, l->addresses, sizeof(l->addresses));
    *ret_n = l->n;
    return l->n > 0 ? 1 : -ENOENT;
}
