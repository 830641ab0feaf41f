#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "service_internal.h"
#include "store/job.h"

#define CONFIG_DEFAULT "/etc/inkan/inkan.conf"
#define SENDERS_DEFAULT                                                                                                \
    "ipc:///run/inkan/ingress ipc:///run/inkan/validator ipc:///run/inkan/whois ipc:///run/inkan/signer"

static struct shared_settings shared;
static int64_t log_level;
static const char *health[5];
static const char *const daemons[] = {"ingress", "validator", "whois", "signer", "mailer"};

static const struct setting shared_table[] = {
    {"database", "uri", SETTING_TEXT, "postgresql:///inkan", 0, 1000, &shared.database,
     "libpq URI or connection string without user: the role is inkan_<daemon>"},
    {"bus", "bind", SETTING_TEXT, "", 0, 200, &shared.bus_bind,
     "where this daemon binds its hint sockets; empty: ipc:///run/inkan/<instance>"},
    {"bus", "senders", SETTING_TEXT, SENDERS_DEFAULT, 0, 4000, &shared.bus_senders,
     "where all senders bind, separated by blanks"},
    {"bus", "key", SETTING_PATH, "", 0, 0, &shared.bus_key,
     "file with this daemon's secret CURVE key (inkanctl bus key); needed for tcp://"},
    {"bus", "peers", SETTING_PATH, "", 0, 0, &shared.bus_peers,
     "file of those who may talk: NAME PUBLIC-KEY [ADDRESS] a line; read again on SIGHUP"},
    {"bus", "send", SETTING_BOOL, "true", 0, 0, &shared.bus_send, "false drops all hints: slower, nothing else"},
    {"job", "lease", SETTING_DURATION, "30s", USEC_PER_SEC, 3600 * USEC_PER_SEC, &shared.lease_usec,
     "how long a worker may be silent before its job is given to another"},
    {"job", "chunk_max", SETTING_INT, "1000", JOB_CHUNK_MIN, 5000, &shared.chunk_max,
     "rows that are worked and committed at once; fewer where a token signs slowly, so that others wait less"},
    {"health", "ingress", SETTING_TEXT, "127.0.0.1:8491", 0, 100, &health[0],
     "health endpoint, unless a socket is inherited"},
    {"health", "validator", SETTING_TEXT, "127.0.0.1:8492", 0, 100, &health[1], "the same"},
    {"health", "whois", SETTING_TEXT, "127.0.0.1:8493", 0, 100, &health[2], "the same"},
    {"health", "signer", SETTING_TEXT, "127.0.0.1:8494", 0, 100, &health[3], "the same"},
    {"health", "mailer", SETTING_TEXT, "127.0.0.1:8495", 0, 100, &health[4], "the same"},
    {"health", "oldest", SETTING_DURATION, "5min", USEC_PER_SEC, SEC_PER_DAY *USEC_PER_SEC, &shared.oldest_usec,
     "not ready when a due job has waited longer"},
    {"upload", "rows_max", SETTING_INT, "99", 1, 100000, &shared.upload_rows_max, "rows a file may have (214)"},
    {"pki", "url", SETTING_TEXT, NULL, 0, 200, &shared.pki_url,
     "base of the CA and CRL addresses in certificates, http"},
    {"public", "url", SETTING_TEXT, NULL, 0, 200, &shared.public_url, "base of the one-time links, https"},
    {"log", "level", SETTING_INT, "6", 3, 7, &log_level, "3 errors … 6 info, 7 debug"},
    {"whois", "cache", SETTING_DURATION, "10min", 0, 7 * SEC_PER_DAY *USEC_PER_SEC, &shared.whois_cache_usec,
     "how much older than an upload a WHOIS answer may be", .guest = true},
    {0},
};

static int usage(const struct service *s, FILE *to, int code) {
    (void) fprintf(to,
                   "inkan-%s: %s\n\n"
                   "  --config FILE     settings (default %s)\n"
                   "  --instance NAME   name of this instance (default %s); two of one daemon need two names\n"
                   "  --check           check the settings and stop; 0 or 78\n"
                   "  --once            work until idle and stop\n"
                   "  --settings        print every setting with type, default and bounds\n"
                   "  --version         print the version\n",
                   s->name, s->summary, CONFIG_DEFAULT, s->name);
    return code;
}

static int print_settings(const struct service *s) {
    static const struct setting nothing[] = {{0}};
    const struct setting *const tables[] = {shared_table, s->settings ? s->settings : nothing, NULL};
    _cleanup_buf_ struct buf text = {0};
    config_describe(tables, &text);
    return fputs(buf_string(&text), stdout) < 0 ? 1 : 0;
}

int options_parse(const struct service *s, int argc, char **argv, struct options *ret) {
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"instance", required_argument, NULL, 'i'},
        {"check", no_argument, NULL, 'k'},        {"once", no_argument, NULL, 'o'},
        {"settings", no_argument, NULL, 's'},     {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    *ret = (struct options){.config = CONFIG_DEFAULT, .instance = s->name};
    for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        switch (o) {
        case 'c':
            ret->config = optarg;
            break;
        case 'i':
            ret->instance = optarg;
            break;
        case 'k':
            ret->check = true;
            break;
        case 'o':
            ret->once = true;
            break;
        case 's':
            return print_settings(s);
        case 'v':
            return printf("inkan-%s %s\n", s->name, INKAN_VERSION) < 0;
        case 'h':
            return usage(s, stdout, 0);
        default:
            return usage(s, stderr, EXIT_CONFIG);
        }
    return optind < argc ? usage(s, stderr, EXIT_CONFIG) : -1;
}

static int fill_shared(const struct service *s, struct context *c) {
    c->shared = shared;
    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
        if (strcmp(daemons[i], s->name) == 0)
            c->shared.health = health[i];
    if (*c->shared.bus_bind)
        return 0;
    char *bind = NULL;
    if (asprintf(&bind, "ipc:///run/inkan/%s", c->instance) < 0)
        return -ENOMEM;
    c->shared.bus_bind = bind;
    return 0;
}

int options_read_config(const struct service *s, struct context *c, const char *path) {
    static const struct setting nothing[] = {{0}};
    const struct setting *const tables[] = {shared_table, s->settings ? s->settings : nothing, NULL};
    _cleanup_buf_ struct buf errors = {0};
    int r = config_read(path, tables, &errors);
    if (r == -EINVAL) {
        /* A line each, so that the journal shows each. */
        char *rest = errors.data;
        for (char *line; rest && (line = strsep(&rest, "\n"));)
            if (*line)
                log_error("%s", line);
        return -EINVAL;
    }
    if (r < 0) {
        log_error("cannot read %s: %s", path, strerror(-r));
        return -EINVAL;
    }
    log_open(s->name, (enum log_level) log_level);
    return fill_shared(s, c);
}

char *service_conninfo(const char *uri, const char *role) {
    char *text = NULL;
    bool is_uri = strncmp(uri, "postgresql://", 13) == 0 || strncmp(uri, "postgres://", 11) == 0;
    const char *joint = !is_uri ? " " : strchr(uri, '?') ? "&" : "?";
    return asprintf(&text, "%s%suser=%s", uri, joint, role) < 0 ? NULL : text;
}
