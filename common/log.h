/*
 * Log lines on stderr with systemd's <N> priority prefix: "<6>validator: job 17 (check): ended".
 * One line per failure, where it is handled. Text from outside is made printable by the functions below.
 */
#pragma once

#include <errno.h>

#include "base/cleanup.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

void log_open(const char *name, enum log_level level);
/* For a program that people run: lines without the priority prefix. */
void log_plain(void);
void log_at(enum log_level level, const char *format, ...) _printf_(2, 3);

/* Three kinds of wrong, three calls. */
#define log_bug(...) log_at(LOG_LEVEL_ERROR, "BUG: " __VA_ARGS__)     /* our own */
#define log_peer(...) log_at(LOG_LEVEL_WARNING, "peer: " __VA_ARGS__) /* somebody else's fault */
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)           /* the world's */
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
