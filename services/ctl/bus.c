/* bus key: a daemon's CURVE key for hints between machines. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "commands.h"

#define KEY_CHARS 40 /* Z85 */

const struct command_option bus_key_options[] = {{0}};
const struct statement *const bus_key_statements[] = {NULL};

/* One line, in a file that was not there before and that only its owner can read. */
static int write_secret(const char *path, const char *secret) {
    _cleanup_close_
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return -errno;
    if (dprintf(fd, "%s\n", secret) == KEY_CHARS + 1 && fsync(fd) == 0)
        return 0;
    int error = errno;
    (void) unlink(path);
    return -error;
}

int bus_key_run(struct ctl *c) {
    char public[KEY_CHARS + 1], secret[KEY_CHARS + 1];
    const char *path = ctl_argument(c, 0);
    if (zmq_curve_keypair(public, secret) != 0)
        return ctl_fail(CTL_FAILED, "libzmq was built without CURVE");
    int r = write_secret(path, secret);
    explicit_bzero(secret, sizeof(secret));
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    c->result = json_pack("{s:s, s:s}", "file", path, "public_key", public);
    return c->result ? CTL_OK : ctl_fail(CTL_FAILED, "out of memory");
}
