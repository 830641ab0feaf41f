/* database migrate|status: deploy/schema/NNNN-*.sql, applied in order, then roles.sql. */
#include <dirent.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "store/operator.h"
#include "store/schema.h"

#define FILE_BYTES_MAX ((size_t) 4 << 20)
#define NUMBER_DIGITS 4
#define ROLES_FILE "roles.sql"

const struct command_option database_migrate_options[] = {{0}};
const struct command_option database_status_options[] = {{0}};

/* The table that the others read may not be there yet: migrate() makes it and connects again. */
const struct statement *const database_migrate_statements[] = {&migration_lock_statement, &migration_table_statement,
                                                               NULL};
const struct statement *const database_status_statements[] = {&migration_list_statement, NULL};

static const struct statement *const applying_statements[] = {&migration_lock_statement, &migration_get_statement,
                                                              &migration_add_statement, NULL};

struct migration {
    struct db *db;
    const char *name; /* file name */
    int number;       /* 0: roles.sql */
    struct buf sql;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    bool changed, was_there;
};

static int file_number(const char *name) {
    size_t digits = strspn(name, "0123456789"), len = strlen(name);
    if (digits != NUMBER_DIGITS || name[digits] != '-' || len < 4 || strcmp(name + len - 4, ".sql") != 0)
        return 0;
    return (name[0] - '0') * 1000 + (name[1] - '0') * 100 + (name[2] - '0') * 10 + (name[3] - '0');
}

static int is_migration(const struct dirent *entry) {
    return file_number(entry->d_name) > 0;
}

/* "-- Predecessor: 0003." or "none": two branches that each add a file do not slip past each other. */
static int check_predecessor(const struct migration *m, int before) {
    static const char key[] = "-- Predecessor: ";
    const char *line = strstr(buf_string(&m->sql), key);
    char wanted[16];
    (void) snprintf(wanted, sizeof(wanted), before > 0 ? "%04d." : "none.", before);
    if (line && strncmp(line + strlen(key), wanted, strlen(wanted)) == 0)
        return 0;
    return ctl_fail(CTL_REFUSED, "%s must name its predecessor: \"%s%s\"", m->name, key, wanted);
}

static int read_migration(struct migration *m, const char *directory, const char *name) {
    char path[4096];
    *m = (struct migration){.name = name, .number = file_number(name), .db = m->db};
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path))
        return ctl_fail(CTL_FAILED, "%s: name too long", directory);
    int r = ctl_read_file(path, FILE_BYTES_MAX, &m->sql);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    (void) SHA256((const unsigned char *) buf_string(&m->sql), m->sql.len, m->digest);
    return 0;
}

static int look_up(struct db *db, struct migration *m) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int32(&args, m->number);
    int64_t n = db_run(db, &migration_get_statement, &args, &rows);
    m->was_there = n > 0;
    if (n > 0) {
        struct db_bytes digest = db_bytes(rows, 0, 0);
        m->changed = digest.len != sizeof(m->digest) || memcmp(digest.data, m->digest, digest.len) != 0;
    }
    return n < 0 ? (int) n : 0;
}

static int note(struct db *db, const struct migration *m) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, m->number);
    db_add_text(&args, m->name);
    db_add_bytes(&args, m->digest, sizeof(m->digest));
    return (int) db_run(db, &migration_add_statement, &args, NULL);
}

static int apply(struct db *db, void *ctx) {
    struct migration *m = ctx;
    int r = (int) db_run(db, &migration_lock_statement, NULL, NULL);
    if (r < 0)
        return r;
    if (m->number == 0)
        return db_script(db, m->name, buf_string(&m->sql));
    r = look_up(db, m);
    if (r < 0 || m->was_there)
        return r;
    r = db_script(db, m->name, buf_string(&m->sql));
    return r < 0 ? r : note(db, m);
}

static int apply_file(struct db *db, struct migration *m, json_t *applied) {
    int r = db_transaction(db, "migration", 0, apply, m);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s was not applied; nothing of it was changed", m->name);
    if (m->changed)
        return ctl_fail(CTL_REFUSED, "%s was applied once and has changed since: add a new file instead", m->name);
    if (m->number > 0 && !m->was_there && json_array_append_new(applied, json_string(m->name)) < 0)
        return CTL_FAILED;
    return 0;
}

static int apply_all(struct db *db, const char *directory, struct dirent **entries, int n, json_t *applied) {
    struct migration m = {0};
    int before = 0;
    for (int i = 0; i < n; i++) {
        int r = read_migration(&m, directory, entries[i]->d_name);
        if (r == 0)
            r = check_predecessor(&m, before);
        if (r == 0)
            r = apply_file(db, &m, applied);
        buf_done(&m.sql);
        if (r != 0)
            return r;
        before = m.number;
    }
    int r = read_migration(&m, directory, ROLES_FILE);
    if (r == 0)
        r = apply_file(db, &m, applied);
    buf_done(&m.sql);
    return r;
}

static int make_table(struct db *db, void *ctx) {
    (void) ctx;
    int r = (int) db_run(db, &migration_lock_statement, NULL, NULL);
    return r < 0 ? r : (int) db_run(db, &migration_table_statement, NULL, NULL);
}

static int migrate(struct ctl *c, const char *directory, struct dirent **entries, int n) {
    const char *conninfo = c->line.database ? c->line.database : c->settings.database;
    struct db *db = NULL;
    int r = db_transaction(c->db, "schema_migration", 0, make_table, NULL);
    if (r < 0)
        return ctl_database_failed(r);
    if (db_new(&db, conninfo, "inkanctl", applying_statements) < 0 || db_connect(db) < 0) {
        db_free(db);
        return CTL_FAILED;
    }
    json_t *applied = json_array();
    r = apply_all(db, directory, entries, n, applied);
    c->result = json_pack("{s:o, s:i}", "applied", applied, "version", n > 0 ? file_number(entries[n - 1]->d_name) : 0);
    db_free(db);
    return r;
}

int database_migrate_run(struct ctl *c) {
    const char *directory = ctl_argument(c, 0);
    struct dirent **entries = NULL;
    int n = scandir(directory, &entries, is_migration, alphasort);
    if (n < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", directory, strerror(errno));
    int r = n == 0 ? ctl_fail(CTL_FAILED, "%s: no NNNN-*.sql", directory) : migrate(c, directory, entries, n);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return r;
}

int database_status_run(struct ctl *c) {
    json_t *migrations = NULL;
    int64_t n = ctl_query(c, &migration_list_statement, NULL, &migrations);
    if (n < 0)
        return ctl_database_failed(n);
    json_int_t version =
        json_integer_value(json_object_get(n > 0 ? json_array_get(migrations, (size_t) n - 1) : NULL, "number"));
    c->result = json_pack("{s:I, s:i, s:o}", "version", version, "wanted", SCHEMA_VERSION, "migrations", migrations);
    if (version != SCHEMA_VERSION)
        return ctl_fail(CTL_REFUSED, "the schema is version %lld, this inkanctl wants %d", (long long) version,
                        SCHEMA_VERSION);
    return CTL_OK;
}
