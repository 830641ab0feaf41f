/* inkan.conf: what is accepted lies within its bounds. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "config.h"
#include "fuzz.h"

#define USEC ((int64_t) 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[32];
    static const char *text, *file;
    static int64_t number, duration;
    static bool flag;
    static const struct setting settings[] = {
        {"bus", "senders", SETTING_TEXT, "ipc:///x", 0, 40, &text, ""},
        {"signer", "file", SETTING_PATH, "/x", 0, 0, &file, ""},
        {"signer", "number", SETTING_INT, "7", -5, 1000, &number, ""},
        {"signer", "pause", SETTING_DURATION, "1s", USEC, 3600 * USEC, &duration, ""},
        {"signer", "flag", SETTING_BOOL, "true", 0, 0, &flag, ""},
        {0},
    };
    static const struct setting *const tables[] = {settings, NULL};
    if (fd < 0) {
        fd = memfd_create("config", MFD_CLOEXEC);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    MUST(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t) size);
    _cleanup_buf_ struct buf errors = {0};
    if (config_read(path, tables, &errors) == 0) {
        MUST(strlen(text) <= 40 && text_is_utf8(text, strlen(text)) && (!*file || *file == '/'));
        MUST(number >= -5 && number <= 1000 && duration >= USEC && duration <= 3600 * USEC);
    } else {
        MUST(errors.len > 0);
    }
    return 0;
}
