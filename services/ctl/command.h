/*
 * The command line of inkanctl as data: a command is a row with its name, arguments, options, help and handler. Parser and
 * help come from the table. Pure: no output, no exit.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "store/db.h"

struct ctl;

#define COMMAND_OPTIONS_MAX 16
#define COMMAND_ARGUMENTS_MAX 4

struct command_option {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, for help: "FILE"; NULL: a switch */
    const char *help;
    bool required;
};

struct command {
    const char *name;      /* "halt" or "organisation add" */
    const char *arguments; /* "ID", "[DOMAIN]", "FILE PLACE"; NULL: none */
    const char *summary;
    const char *details;                       /* further lines of --help, each ended by \n; may be NULL */
    const char *examples;                      /* lines ended by \n, without the program's name */
    const struct command_option *options;      /* ended by {0}; may be NULL */
    const struct statement *const *statements; /* NULL-terminated; prepared before the handler; NULL: no database */
    bool owner;                                /* connects as whom the environment says, not as inkan_operator */
    bool offline;                              /* runs, too, when the database cannot be reached */
    int (*run)(struct ctl *c);                 /* enum ctl_exit */
};

struct command_line {
    const struct command *command; /* NULL: none was named (help, version) */
    const char *noun;              /* the word named, where it alone is no command: help lists its commands */
    const char *config, *database; /* NULL: not given */
    bool json, help, version;
    const char *values[COMMAND_OPTIONS_MAX]; /* by the index of command->options; "" for a switch; NULL: not given */
    const char *arguments[COMMAND_ARGUMENTS_MAX];
    unsigned arguments_count;
};

/* table is ended by {0}; argv without the program's name. 0, or -EINVAL with one line in error. */
int command_parse(const struct command *table, int argc, const char *const *argv, struct command_line *ret,
                  struct buf *error);

/* Help for all of inkanctl, for a noun's commands, or for one command, as the line asked. */
void command_help(const struct command *table, const struct command_line *line, struct buf *to);
