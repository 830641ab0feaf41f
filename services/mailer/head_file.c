#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "head.h"

#define LINE_BYTES_MAX 200

int head_make(struct head *ret, const struct seal *seal, int64_t now_usec) {
    uint8_t hash[SEAL_HASH_BYTES];
    _cleanup_buf_ struct buf hex = {0};
    seal_hash(seal, hash);
    text_hex(&hex, hash, sizeof(hash));
    *ret = (struct head){.number = seal->number, .now_usec = now_usec, .kept_usec = now_usec};
    (void) snprintf(ret->text, sizeof(ret->text), "%lld:%s", (long long) seal->number, buf_string(&hex));
    return hex.failed ? -ENOMEM : 0;
}

/* What begins after the last newline but one, and whether it is whole: a process that died in the middle leaves no newline. */
static int read_last(int fd, char ret_line[static LINE_BYTES_MAX + 1], bool *ret_torn) {
    char end[LINE_BYTES_MAX + 1];
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return -errno;
    off_t from = size > LINE_BYTES_MAX ? size - LINE_BYTES_MAX : 0;
    ssize_t n = pread(fd, end, (size_t) (size - from), from);
    if (n < 0)
        return -errno;
    *ret_torn = n > 0 && end[n - 1] != '\n';
    size_t len = n > 0 && !*ret_torn ? (size_t) n - 1 : 0, begin = len;
    while (begin > 0 && end[begin - 1] != '\n')
        begin--;
    memcpy(ret_line, end + begin, len - begin);
    ret_line[len - begin] = '\0';
    return 0;
}

/* "2026-11-23T00:00:07Z NUMBER:HASH" of today. */
static bool take_todays(struct head *head, const char *line) {
    char today[CLOCK_TEXT_MAX], text[sizeof(head->text)];
    struct tm tm = {0};
    long long number;
    (void) clock_rfc3339(head->now_usec, today);
    if (strncmp(line, today, strlen("2026-11-23")) != 0 || !strptime(line, "%Y-%m-%dT%H:%M:%SZ", &tm) ||
        sscanf(line, "%*s %87s", text) != 1 || // NOLINT(cert-err34-c)
        sscanf(text, "%lld:", &number) != 1)   // NOLINT(cert-err34-c)
        return false;
    head->number = number;
    head->kept_usec = (int64_t) timegm(&tm) * USEC_PER_SEC;
    (void) snprintf(head->text, sizeof(head->text), "%s", text);
    return true;
}

static int sync_directory(const char *path) {
    char copy[4096];
    (void) snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    (void) close(fd);
    return r;
}

static int add_line(int fd, const struct head *head, bool torn) {
    char line[LINE_BYTES_MAX], time[CLOCK_TEXT_MAX];
    int len =
        snprintf(line, sizeof(line), "%s%s %s\n", torn ? "\n" : "", clock_rfc3339(head->now_usec, time), head->text);
    ssize_t n = write(fd, line, (size_t) len);
    if (n < 0)
        return -errno;
    if (n != len)
        return -ENOSPC;
    return fsync(fd) < 0 ? -errno : 0;
}

int head_keep(struct head *head, const char *path) {
    char last[LINE_BYTES_MAX + 1];
    bool torn = false;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR | S_IRGRP);
    if (fd < 0)
        return -errno;
    int r = read_last(fd, last, &torn);
    if (r == 0 && !take_todays(head, last))
        r = add_line(fd, head, torn);
    (void) close(fd);
    return r == 0 ? sync_directory(path) : r;
}
