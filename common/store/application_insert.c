#include "store/application.h"

#include <stddef.h>

const struct statement application_insert_statement = {
    "application_insert", 24,
    "INSERT INTO application (upload, organisation, seq, state, errors, dn, match_key, st, l, o, cn, names, domains, "
    "profile,"
    "  spki, spki_hash, manager_name, manager_affiliation, manager_mail, software, target, reason, comment, ous)"
    " SELECT $1::bigint, $2::bigint, seq, CASE WHEN valid THEN 'valid' ELSE 'invalid' END, errors::jsonb, dn, "
    "match_key,"
    "  st, l, o, cn, string_to_array(names, ','), string_to_array(domains, ',')::bigint[], NULLIF(profile, 0), spki,"
    "  spki_hash, manager_name, manager_affiliation, manager_mail, software, NULLIF(target, 0), NULLIF(reason, -1), "
    "comment, string_to_array(ous, E'\\t')"
    " FROM unnest($3::integer[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], "
    "$10::text[],"
    "  $11::text[], $12::text[], $13::text[], $14::integer[], $15::bytea[], $16::bytea[], $17::text[], $18::text[],"
    "  $19::text[], $20::text[], $21::bigint[], $22::integer[], $23::text[], $24::text[])"
    "  AS r (seq, valid, errors, dn, match_key, st, l, o, cn, names, domains, profile, spki, spki_hash, manager_name,"
    "  manager_affiliation, manager_mail, software, target, reason, comment, ous)"
    " ORDER BY seq ON CONFLICT (upload, seq) DO NOTHING"};

/* Space for one column of any type. */
union cell {
    const char *text;
    struct db_bytes bytes;
    int32_t number;
    int64_t id;
    bool truth;
};

static const void *member(const struct application_new *row, size_t offset) {
    return (const char *) row + offset;
}

static void add_texts(struct db_args *args, void *column, const struct application_new *rows, size_t n, size_t offset) {
    const char **texts = column;
    for (size_t i = 0; i < n; i++)
        texts[i] = *(const char *const *) member(&rows[i], offset);
    db_add_text_array(args, texts, n);
}

static void add_bytes(struct db_args *args, void *column, const struct application_new *rows, size_t n, size_t offset) {
    struct db_bytes *bytes = column;
    for (size_t i = 0; i < n; i++)
        bytes[i] = *(const struct db_bytes *) member(&rows[i], offset);
    db_add_bytes_array(args, bytes, n);
}

static void add_numbers(struct db_args *args, void *column, const struct application_new *rows, size_t n,
                        size_t offset) {
    int32_t *numbers = column;
    for (size_t i = 0; i < n; i++)
        numbers[i] = *(const int *) member(&rows[i], offset);
    db_add_int32_array(args, numbers, n);
}

static void add_ids(struct db_args *args, void *column, const struct application_new *rows, size_t n, size_t offset) {
    int64_t *ids = column;
    for (size_t i = 0; i < n; i++)
        ids[i] = *(const int64_t *) member(&rows[i], offset);
    db_add_int64_array(args, ids, n);
}

static void add_truths(struct db_args *args, void *column, const struct application_new *rows, size_t n,
                       size_t offset) {
    bool *truths = column;
    for (size_t i = 0; i < n; i++)
        truths[i] = *(const bool *) member(&rows[i], offset);
    db_add_bool_array(args, truths, n);
}

#define OFFSET(field) offsetof(struct application_new, field)

int64_t application_insert(struct db *db, int64_t upload, int64_t organisation, const struct application_new *rows,
                           size_t n) {
    static const size_t texts_before[] = {OFFSET(errors), OFFSET(dn), OFFSET(match_key), OFFSET(st),     OFFSET(l),
                                          OFFSET(o),      OFFSET(cn), OFFSET(names),     OFFSET(domains)};
    static const size_t texts_after[] = {OFFSET(manager_name), OFFSET(manager_affiliation), OFFSET(manager_mail),
                                         OFFSET(software)};
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    _cleanup_free_
    union cell *column = calloc(n, sizeof(*column));
    if (!column)
        return DB_FAILED;
    db_add_int64(&args, upload);
    db_add_int64(&args, organisation);
    add_numbers(&args, column, rows, n, OFFSET(seq));
    add_truths(&args, column, rows, n, OFFSET(valid));
    for (size_t i = 0; i < ARRAY_SIZE(texts_before); i++)
        add_texts(&args, column, rows, n, texts_before[i]);
    add_numbers(&args, column, rows, n, OFFSET(profile));
    add_bytes(&args, column, rows, n, OFFSET(spki));
    add_bytes(&args, column, rows, n, OFFSET(spki_hash));
    for (size_t i = 0; i < ARRAY_SIZE(texts_after); i++)
        add_texts(&args, column, rows, n, texts_after[i]);
    add_ids(&args, column, rows, n, OFFSET(target));
    add_numbers(&args, column, rows, n, OFFSET(reason));
    add_texts(&args, column, rows, n, OFFSET(comment));
    add_texts(&args, column, rows, n, OFFSET(ous));
    return db_run(db, &application_insert_statement, &args, NULL);
}
