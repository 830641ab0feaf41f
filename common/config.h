/*
 * Settings: one INI file for all daemons (default /etc/inkan/inkan.conf), each daemon a table of rows.
 *
 * A section belongs to whoever lists it. An unknown name in a listed section and an unknown section are errors; the
 * sections of siblings are passed over. All errors are reported, not only the first. A line holds at most 199 bytes; a
 * text goes on in the next line when that is indented (the two are joined by a blank).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum setting_type {
    SETTING_TEXT,     /* const char * */
    SETTING_PATH,     /* const char *; absolute */
    SETTING_INT,      /* int64_t within min..max */
    SETTING_DURATION, /* int64_t usec within min..max; written with unit: 500ms, 5s, 10min, 24h, 30d; 0 */
    SETTING_BOOL,     /* bool; true or false */
};

struct setting {
    const char *section;
    const char *name;
    enum setting_type type;
    const char *fallback; /* as written in the file; NULL: must be given */
    int64_t min, max;     /* for TEXT and PATH: max length in bytes, 0 = 4096 */
    void *target;
    const char *help;
    bool guest; /* read here too, but the section belongs to another daemon, which alone checks its names */
};

/*
 * Reads path and fills the targets of all tables (NULL-terminated array of tables, each ended by {0}). Texts live until
 * the process ends. Errors are added to errors, a line each with file and line number. Returns 0, -EINVAL (see errors)
 * or -errno (file).
 */
int config_read(const char *path, const struct setting *const *tables, struct buf *errors);

/* Prints the tables as documentation, a line each: section.name TAB type TAB default TAB bounds TAB help. */
void config_describe(const struct setting *const *tables, struct buf *to);
