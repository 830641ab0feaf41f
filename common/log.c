#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LOG_LINE_MAX 1024

static const char *log_name = "inkan";
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_with_priority = true;

void log_open(const char *name, enum log_level level) {
    log_name = name;
    log_max = level;
}

void log_plain(void) {
    log_with_priority = false;
}

void log_at(enum log_level level, const char *format, ...) {
    if (level > log_max)
        return;
    int saved_errno = errno;
    char line[LOG_LINE_MAX];
    int head = log_with_priority ? snprintf(line, sizeof(line), "<%d>%s: ", (int) level, log_name)
                                 : snprintf(line, sizeof(line), "%s: ", log_name);
    if (head < 0 || (size_t) head >= sizeof(line) - 2)
        return;
    va_list ap;
    va_start(ap, format);
    (void) vsnprintf(line + head, sizeof(line) - (size_t) head - 1, format, ap);
    va_end(ap);
    /* A line is a line: what came from outside cannot begin a new one, move the cursor or turn the text around. */
    text_make_plain(line + head);
    size_t len = strlen(line);
    line[len++] = '\n';
    /* One write(2), so that threads and siblings do not mix within a line. Nobody is left to tell when it fails. */
    if (write(STDERR_FILENO, line, len) < 0) {
    }
    errno = saved_errno;
}
