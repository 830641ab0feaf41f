#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct parsing {
    const struct command *table;
    struct command_line *line;
    struct buf *error;
    const char *const *argv;
    int argc, at;
    bool options_over; /* after "--" */
};

static int refuse(const struct parsing *p, const char *format, ...) _printf_(2, 3);

static int refuse(const struct parsing *p, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    buf_vprintf(p->error, format, ap);
    va_end(ap);
    return -EINVAL;
}

/* The length of the first word of a name: its noun. */
static size_t noun_length(const char *name) {
    return strcspn(name, " ");
}

static bool is_noun(const struct command *table, const char *word) {
    for (const struct command *c = table; c->name; c++)
        if (c->name[noun_length(c->name)] == ' ' && strlen(word) == noun_length(c->name) &&
            strncmp(c->name, word, strlen(word)) == 0)
            return true;
    return false;
}

/* noun may be NULL. */
static const struct command *find_command(const struct command *table, const char *noun, const char *word) {
    size_t n = noun ? strlen(noun) : 0;
    for (const struct command *c = table; c->name; c++)
        if (noun ? strncmp(c->name, noun, n) == 0 && c->name[n] == ' ' && strcmp(c->name + n + 1, word) == 0
                 : strcmp(c->name, word) == 0)
            return c;
    return NULL;
}

/* "revoke" is a command, and so is "revoke list". */
static const struct command *find_longer(const struct parsing *p, const char *word) {
    const struct command_line *line = p->line;
    return line->noun || line->command->arguments || p->options_over
               ? NULL
               : find_command(p->table, line->command->name, word);
}

static int take_word(struct parsing *p, const char *word) {
    struct command_line *line = p->line;
    if (line->command) {
        const struct command *longer = find_longer(p, word);
        if (longer) {
            for (unsigned i = 0; i < COMMAND_OPTIONS_MAX; i++)
                if (line->values[i])
                    return refuse(p, "options of \"%s\" come after the whole command", longer->name);
            line->command = longer;
            return 0;
        }
        if (line->arguments_count == COMMAND_ARGUMENTS_MAX)
            return refuse(p, "too many arguments: \"%s\"", word);
        line->arguments[line->arguments_count++] = word;
        return 0;
    }
    if (!line->noun && strcmp(word, "help") == 0) {
        line->help = true;
        return 0;
    }
    line->command = find_command(p->table, line->noun, word);
    if (line->command)
        return 0;
    if (line->noun)
        return refuse(p, "no command \"%s %s\"", line->noun, word);
    if (!is_noun(p->table, word))
        return refuse(p, "no command \"%s\"", word);
    line->noun = word;
    return 0;
}

/* name is not terminated: length bytes. Where an option of that name puts its value, or NULL. */
static const char **option_target(struct command_line *line, const char *name, size_t length, bool *ret_switch) {
    static const char *const globals[] = {"config", "database"};
    const char **targets[] = {&line->config, &line->database};
    const struct command_option *options = line->command ? line->command->options : NULL;
    for (unsigned i = 0; options && options[i].name && i < COMMAND_OPTIONS_MAX; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0) {
            *ret_switch = !options[i].value;
            return &line->values[i];
        }
    *ret_switch = false;
    for (size_t i = 0; i < ARRAY_SIZE(globals); i++)
        if (strlen(globals[i]) == length && strncmp(globals[i], name, length) == 0)
            return targets[i];
    return NULL;
}

/* word begins with two dashes. */
static int take_option(struct parsing *p, const char *word) {
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t) (equals - name) : strlen(name);
    if (strcmp(name, "json") == 0)
        p->line->json = true;
    else if (strcmp(name, "help") == 0)
        p->line->help = true;
    else if (strcmp(name, "version") == 0)
        p->line->version = true;
    else {
        bool is_switch = false;
        const char **target = option_target(p->line, name, length, &is_switch);
        if (!target)
            return refuse(p, "no option \"--%.*s\"%s", (int) length, name, p->line->command ? "" : " before a command");
        if (*target)
            return refuse(p, "--%.*s is given twice", (int) length, name);
        if (is_switch && equals)
            return refuse(p, "--%.*s takes no value", (int) length, name);
        if (!is_switch && !equals && p->at == p->argc)
            return refuse(p, "--%.*s needs a value", (int) length, name);
        *target = is_switch ? "" : equals ? equals + 1 : p->argv[p->at++];
    }
    return 0;
}

static unsigned count_arguments(const char *arguments, bool required) {
    unsigned n = 0;
    for (const char *p = arguments; p && *p; p += strspn(p, " ")) {
        n += !required || *p != '[';
        p += strcspn(p, " ");
    }
    return n;
}

static int check_complete(const struct parsing *p) {
    const struct command_line *line = p->line;
    const struct command *c = line->command;
    if (line->help || line->version)
        return 0;
    if (!c)
        return line->noun ? refuse(p, "\"%s\" wants a further word", line->noun) : refuse(p, "no command is given");
    for (unsigned i = 0; c->options && c->options[i].name; i++)
        if (c->options[i].required && !line->values[i])
            return refuse(p, "--%s %s is missing", c->options[i].name, c->options[i].value);
    if (line->arguments_count < count_arguments(c->arguments, true))
        return refuse(p, "%s is missing", c->arguments);
    if (line->arguments_count > count_arguments(c->arguments, false))
        return refuse(p, "too many arguments: \"%s\"", line->arguments[line->arguments_count - 1]);
    return 0;
}

int command_parse(const struct command *table, int argc, const char *const *argv, struct command_line *ret,
                  struct buf *error) {
    struct parsing p = {.table = table, .line = ret, .error = error, .argv = argv, .argc = argc};
    *ret = (struct command_line){0};
    int r = 0;
    while (r == 0 && p.at < argc) {
        const char *word = argv[p.at++];
        if (p.options_over || word[0] != '-' || word[1] == '\0')
            r = take_word(&p, word);
        else if (strcmp(word, "--") == 0)
            p.options_over = true;
        else if (strcmp(word, "-h") == 0)
            ret->help = true;
        else if (word[1] == '-')
            r = take_option(&p, word);
        else
            r = refuse(&p, "no option \"%s\"", word);
    }
    return r < 0 ? r : check_complete(&p);
}

/* ---- help */

static void help_usage(const struct command *c, struct buf *to) {
    buf_printf(to, "usage: inkanctl %s", c->name);
    for (const struct command_option *o = c->options; o && o->name; o++)
        if (o->required)
            buf_printf(to, " --%s %s", o->name, o->value);
    bool optional = false;
    for (const struct command_option *o = c->options; o && o->name; o++)
        optional |= !o->required;
    if (optional)
        buf_text(to, " [options]");
    if (c->arguments)
        buf_printf(to, " %s", c->arguments);
    buf_char(to, '\n');
}

static void help_option(const char *name, const char *value, const char *help, struct buf *to) {
    char left[64];
    (void) snprintf(left, sizeof(left), "--%s%s%s", name, value ? " " : "", value ? value : "");
    buf_printf(to, "  %-28s %s\n", left, help);
}

static void help_common(struct buf *to) {
    buf_text(to, "\ncommon options:\n");
    help_option("config", "FILE", "settings (default /etc/inkan/inkan.conf)", to);
    help_option("database", "CONNINFO", "libpq URI or connection string instead of database.uri as inkan_operator", to);
    help_option("json", NULL, "JSON instead of text", to);
    help_option("help", NULL, "this text", to);
    buf_text(to, "\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused or not verified\n");
}

static void help_one(const struct command *c, struct buf *to) {
    help_usage(c, to);
    buf_printf(to, "\n%s\n", c->summary);
    if (c->details)
        buf_printf(to, "\n%s", c->details);
    if (c->options && c->options->name)
        buf_text(to, "\noptions:\n");
    for (const struct command_option *o = c->options; o && o->name; o++)
        help_option(o->name, o->value, o->help, to);
    help_common(to);
    buf_text(to, "\nexamples:\n");
    for (const char *p = c->examples; *p;) {
        size_t n = strcspn(p, "\n");
        buf_printf(to, "  inkanctl %.*s\n", (int) n, p);
        p += n + (p[n] != '\0');
    }
}

static void help_list(const struct command *table, const char *noun, struct buf *to) {
    buf_printf(to, "usage: inkanctl %s [options]\n\n", noun ? noun : "COMMAND");
    size_t n = noun ? strlen(noun) : 0;
    for (const struct command *c = table; c->name; c++)
        if (!noun || (strncmp(c->name, noun, n) == 0 && c->name[n] == ' '))
            buf_printf(to, "  %-22s %s\n", c->name, c->summary);
    help_common(to);
    buf_printf(to, "\n`inkanctl %s --help` tells more and shows examples.\n", noun ? "NOUN VERB" : "COMMAND");
}

void command_help(const struct command *table, const struct command_line *line, struct buf *to) {
    if (line->command)
        help_one(line->command, to);
    else
        help_list(table, line->noun, to);
}
