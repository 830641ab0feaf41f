/*
 * inkanctl: the operators' command. Its commands are the rows of table.c; <noun>.c holds their handlers.
 *
 * Trusted with: what the role inkan_operator may do (the register, the switches, the queues; never a certificate, never the
 * audit's past), and, where --database names the owner, the schema. Every deed is in the audit, in the same transaction.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "commands.h"
#include "config.h"
#include "log.h"

#define CONFIG_DEFAULT "/etc/inkan/inkan.conf"

static struct ctl_settings settings;

static const struct setting setting_table[] = {
    {"database", "uri", SETTING_TEXT, "postgresql:///inkan", 0, 1000, &settings.database, "", .guest = true},
    {"health", "ingress", SETTING_TEXT, "127.0.0.1:8491", 0, 100, &settings.health[0], "", .guest = true},
    {"health", "validator", SETTING_TEXT, "127.0.0.1:8492", 0, 100, &settings.health[1], "", .guest = true},
    {"health", "whois", SETTING_TEXT, "127.0.0.1:8493", 0, 100, &settings.health[2], "", .guest = true},
    {"health", "signer", SETTING_TEXT, "127.0.0.1:8494", 0, 100, &settings.health[3], "", .guest = true},
    {"health", "mailer", SETTING_TEXT, "127.0.0.1:8495", 0, 100, &settings.health[4], "", .guest = true},
    {"health", "oldest", SETTING_DURATION, "5min", USEC_PER_SEC, SEC_PER_DAY *USEC_PER_SEC, &settings.oldest_usec, "",
     .guest = true},
    {0},
};

/* Without the default file the defaults hold; a file that was named must be there. */
static int read_settings(const char *path) {
    static const struct setting *const tables[] = {setting_table, NULL};
    _cleanup_buf_ struct buf errors = {0};
    int r = config_read(path ? path : CONFIG_DEFAULT, tables, &errors);
    if (r == -EINVAL)
        return ctl_fail(CTL_FAILED, "%s", buf_string(&errors));
    if (r < 0 && (path || r != -ENOENT))
        return ctl_fail(CTL_FAILED, "%s: %s", path ? path : CONFIG_DEFAULT, strerror(-r));
    return 0;
}

static int connect_database(struct ctl *c) {
    const struct command *command = c->line.command;
    if (!command->statements || !command->statements[0])
        return 0;
    /* libpq takes the user from there where the connection string names none. */
    if (!c->line.database && !command->owner && setenv("PGUSER", "inkan_operator", 1) < 0)
        return ctl_fail(CTL_FAILED, "out of memory");
    const char *conninfo = c->line.database ? c->line.database : c->settings.database;
    if (db_new(&c->db, conninfo, "inkanctl", command->statements) < 0)
        return ctl_fail(CTL_FAILED, "out of memory");
    return db_connect(c->db) < 0 && !command->offline
               ? ctl_fail(CTL_FAILED, "no connection that this command could use")
               : 0;
}

/* Who does it, for the audit: the database knows only the role. */
static const char *person(void) {
    static char text[200];
    const struct passwd *entry = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");
    if (entry)
        (void) snprintf(text, sizeof(text), "%.64s%s%.64s", entry->pw_name, sudo ? " for " : "", sudo ? sudo : "");
    else
        (void) snprintf(text, sizeof(text), "uid %u", (unsigned) getuid());
    return text;
}

static int run(struct ctl *c) {
    int r = read_settings(c->line.config);
    c->settings = settings;
    c->by = person();
    if (r == 0)
        r = connect_database(c);
    if (r == 0)
        r = c->line.command->run(c);
    if (c->text.len > 0 && !c->line.json)
        (void) fputs(buf_string(&c->text), stdout);
    else
        ctl_print(c->result, c->line.json);
    buf_done(&c->text);
    json_decref(c->result);
    db_free(c->db);
    /* A result that did not reach its reader is none. */
    return fflush(stdout) == EOF && r == CTL_OK ? ctl_fail(CTL_FAILED, "cannot write the result") : r;
}

int main(int argc, char **argv) {
    static struct ctl c;
    _cleanup_buf_ struct buf text = {0};
    log_open("inkanctl", LOG_LEVEL_WARNING);
    log_plain();
    if (command_parse(ctl_commands, argc - 1, (const char *const *) argv + 1, &c.line, &text) < 0) {
        (void) fprintf(stderr, "inkanctl: %s\nTry inkanctl --help.\n", buf_string(&text));
        return CTL_USAGE;
    }
    if (c.line.version)
        return printf("inkanctl %s\n", INKAN_VERSION) < 0 ? CTL_FAILED : CTL_OK;
    if (c.line.help || !c.line.command) {
        command_help(ctl_commands, &c.line, &text);
        return fputs(buf_string(&text), stdout) < 0 ? CTL_FAILED : CTL_OK;
    }
    return run(&c);
}
