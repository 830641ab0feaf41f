#include "services/ingress/http/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "services/ingress/http/core.h"

int spool_open(const struct request *r) {
    const struct exchange *x = r->core;
    int fd = open(x->server->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        return fd;
    int error = errno;
    log_error("spool %s: %s", x->server->spool, strerror(error));
    return -error;
}

int spool_write(int fd, const void *data, size_t len) {
    for (const char *p = data; len > 0;) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int error = n < 0 ? errno : ENOSPC;
            log_error("spool: %s", strerror(error));
            return -error;
        }
        p += n;
        len -= (size_t) n;
    }
    return 0;
}
