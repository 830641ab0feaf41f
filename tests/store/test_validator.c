/* The validator's two stages against a real PostgreSQL: both error modes, WHOIS, doubles, races, poison, old tokens. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "faults.h"
#include "name.h"
#include "services/validator/cp932.h"
#include "services/validator/validator.h"
#include "sql.h"
#include "store/application.h"
#include "store/check.h"
#include "store/decide.h"
#include "store/policy_store.h"

#define RACE_ROWS 40

static const struct statement *const statements[] = {&job_claim_statement,
                                                     &job_end_statement,
                                                     &job_release_statement,
                                                     &job_renew_statement,
                                                     &policy_get_statement,
                                                     &application_insert_statement,
                                                     &check_ask_statement,
                                                     &check_decide_statement,
                                                     &check_lines_statement,
                                                     &check_progress_statement,
                                                     &check_scope_statement,
                                                     &check_seen_statement,
                                                     &check_targets_statement,
                                                     &decide_amend_statement,
                                                     &decide_amend_all_statement,
                                                     &decide_audit_statement,
                                                     &decide_counts_statement,
                                                     &decide_domains_statement,
                                                     &decide_doubles_statement,
                                                     &decide_finish_statement,
                                                     &decide_refuse_statement,
                                                     &decide_reserve_keys_statement,
                                                     &decide_reserve_names_statement,
                                                     &decide_rows_of_statement,
                                                     &decide_scope_statement,
                                                     &decide_seen_statement,
                                                     &decide_jobs_statement,
                                                     NULL};

static struct validator validator;
static struct context context;
static int organisations;
static char organisation[24], domain[64], registrar[24]; /* of the running test */
static const char *kind, *serial;                        /* of the uploads made next; "" for no serial */

static int open_context(struct context *c) {
    static const struct service service = {.name = "validator"};
    c->service = &service;
    c->instance = "test";
    c->shared.lease_usec = 30000000;
    c->shared.whois_cache_usec = INT64_C(3600000000);
    c->state = &validator;
    return db_new(&c->db, getenv("INKAN_TEST_DATABASE"), "test", statements);
}

static void set_now(const char *expression) {
    (void) value("CREATE OR REPLACE FUNCTION inkan_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT %s'",
                 expression);
}

static int setup(void **state) {
    (void) state;
    faults_open();
    if (sql_open() < 0 || cp932_open() < 0 || name_open() < 0)
        return -1;
    return open_context(&context);
}

static int teardown(void **state) {
    (void) state;
    (void) value("UPDATE service SET policy = NULL");
    set_now("now()");
    db_free(context.db);
    PQfinish(sql);
    return 0;
}

/* An organisation of its own for each test, with one permitted domain that WHOIS knows. */
static int begin(void **state) {
    (void) state;
    (void) value("DELETE FROM job");
    kind = "server-issue";
    serial = "";
    set_now("now()");
    install_policy("test");
    (void) snprintf(domain, sizeof(domain), "v%d-%s.ac.jp", organisations++, value("SELECT txid_current()"));
    (void) snprintf(organisation, sizeof(organisation), "%s",
                    value("INSERT INTO organisation (name_ja, name_en, st, l, issue_until)"
                          " VALUES ('申請大学', 'testkikan', 'Tokyo', 'Chiyoda-ku', '2099-12-31') RETURNING id"));
    (void) snprintf(registrar, sizeof(registrar), "%s",
                    value("INSERT INTO registrar (organisation, name, mail, fingerprint)"
                          " VALUES (%s, '登録太郎', 'a@example.jp', sha256('%s')) RETURNING id",
                          organisation, domain));
    (void) value("INSERT INTO domain (organisation, name, registrant_ja, registrant_en, state)"
                 " VALUES (%s, '%s', '申請大学', 'Testkikan', 'permitted')",
                 organisation, domain);
    (void) value("INSERT INTO whois_answer (domain, outcome, registrant_ja, registrant_en, status)"
                 " VALUES ('%s', 'found', '申請　大学', 'Testkikan', 'Connected (2027/03/31)')",
                 domain);
    return 0;
}

/* ---- uploads */

static char *make_line(const char *host, EVP_PKEY *key, const char *software) {
    const struct {
        const char *type, *value;
    } subject[] = {{"C", "JP"}, {"ST", "Tokyo"}, {"L", "Chiyoda-ku"}, {"O", "testkikan"}};
    char cn[160], *line = NULL;
    (void) snprintf(cn, sizeof(cn), "%s.%s", host, domain);
    EVP_PKEY *own = key ? NULL : EVP_EC_gen("P-384");
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(req);
    for (size_t i = 0; i < ARRAY_SIZE(subject); i++)
        assert_true(X509_NAME_add_entry_by_txt(name, subject[i].type, MBSTRING_ASC,
                                               (const unsigned char *) subject[i].value, -1, -1, 0));
    assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (unsigned char *) cn, -1, -1, 0) &&
                X509_REQ_set_pubkey(req, key ? key : own) && X509_REQ_sign(req, key ? key : own, EVP_sha384()) > 0);
    unsigned char *der = NULL;
    _cleanup_buf_ struct buf text = {0};
    int len = i2d_X509_REQ(req, &der);
    text_base64(&text, der, (size_t) len);
    assert_true(asprintf(&line,
                         "CN=%s,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP\t11\t\t%s\t\t\t%s\t\t\ta@example.jp\t%s\t%s\t",
                         cn, serial, buf_string(&text), cn, software) > 0);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(own);
    return line;
}

/* A host may carry "key=" to share the one key, or be "bad": a row without its software. Returns the upload's id. */
static int64_t make_upload(const char *mode, bool dry_run, const char *const *hosts, size_t n, EVP_PKEY *shared) {
    int64_t id = 0;
    assert_int_equal(
        text_to_int64(
            value("INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256,"
                  " state, rows_total, open_chunks) VALUES (%s, %s, '%s', '%s', %s, true, 'test.tsv',"
                  " sha256(''), 'checking', %zu, 1) RETURNING id",
                  organisation, registrar, kind, mode, dry_run ? "true" : "false", n),
            1, INT64_MAX, &id),
        0);
    for (size_t i = 0; i < n; i++) {
        bool share = strncmp(hosts[i], "key=", 4) == 0;
        char *line = make_line(hosts[i] + (share ? 4 : 0), share ? shared : NULL,
                               strncmp(hosts[i], "bad", 3) == 0 ? "" : "Apache");
        char *quoted = PQescapeLiteral(sql, line, strlen(line));
        (void) value("INSERT INTO upload_line VALUES (%lld, %zu, convert_to(%s, 'UTF8'))", (long long) id, i + 1,
                     quoted);
        PQfreemem(quoted);
        free(line);
    }
    (void) value("INSERT INTO job (stage, organisation, upload, seq_from, seq_to) VALUES ('check', %s, %lld, 1, %zu)",
                 organisation, (long long) id, n);
    return id;
}

static int work(struct context *c, enum stage stage) {
    struct job job;
    int done = 0;
    while (job_claim(c->db, stage, "test", NULL, c->shared.lease_usec, &job) > 0) {
        c->job = &job;
        assert_int_equal(stage == STAGE_check ? check_work(c, &job) : decide_work(c, &job), 0);
        done++;
    }
    return done;
}

static void expect_upload(int64_t upload, const char *expected) {
    assert_string_equal(
        value("SELECT concat_ws(' ', state, rows_ok, rows_ng) FROM upload WHERE id = %lld", (long long) upload),
        expected);
}

/* "state code:column …" of each row, by line. */
static void expect_rows(int64_t upload, const char *expected) {
    assert_string_equal(value("SELECT string_agg(concat_ws(' ', state, (SELECT string_agg(concat(e->>'code', ':', "
                              "e->>'column'), ' ' ORDER BY n)"
                              " FROM jsonb_array_elements(errors) WITH ORDINALITY x (e, n))), ', ' ORDER BY seq)"
                              " FROM application WHERE upload = %lld",
                              (long long) upload),
                        expected);
}

static void expect_count(const char *what, int64_t upload, const char *expected) {
    assert_string_equal(
        value("SELECT count(*) FROM %s WHERE application IN (SELECT id FROM application WHERE upload = %lld)", what,
              (long long) upload),
        expected);
}

static void expect_audit(int64_t upload, const char *expected) {
    assert_string_equal(
        value("SELECT string_agg(kind, ' ' ORDER BY id) FROM audit_event WHERE upload = %lld", (long long) upload),
        expected);
}

#define HOSTS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* ---- tests */

static void test_accept(void **state) {
    (void) state;
    int64_t upload = make_upload("abort", false, HOSTS("a", "b"), NULL);
    assert_int_equal(work(&context, STAGE_check), 1);
    expect_upload(upload, "checking 2 0");
    assert_int_equal(work(&context, STAGE_decide), 1);
    expect_upload(upload, "accepted 2 0");
    expect_rows(upload, "valid, valid");
    expect_count("dn_taken", upload, "2");
    expect_count("key_seen", upload, "2");
    expect_audit(upload, "upload_accepted");
    assert_string_equal(
        value("SELECT concat_ws(' ', count(*), min(seq_from), max(seq_to), (SELECT open_chunks FROM upload"
              " WHERE id = %lld)) FROM job WHERE stage = 'sign' AND upload = %lld",
              (long long) upload, (long long) upload),
        "1 1 2 1");
    assert_string_equal(value("SELECT concat_ws(' ', cn = 'a.%s', names = ARRAY[cn], o, length(spki), manager_mail)"
                              " FROM application WHERE upload = %lld AND seq = 1",
                              domain, (long long) upload),
                        "t t testkikan 120 a@example.jp");
}

static void test_modes(void **state) {
    (void) state;
    int64_t abort = make_upload("abort", false, HOSTS("a", "bad1", "b"), NULL);
    int64_t skip = make_upload("skip", false, HOSTS("a", "bad1", "b"), NULL);
    int64_t none = make_upload("skip", false, HOSTS("bad2"), NULL);
    int64_t dry = make_upload("abort", true, HOSTS("c", "bad3"), NULL);
    assert_int_equal(work(&context, STAGE_check), 4);
    assert_int_equal(work(&context, STAGE_decide), 4);
    expect_upload(abort, "rejected 2 1");
    expect_rows(abort, "refused, invalid 201:12, refused");
    expect_count("dn_taken", abort, "0");
    expect_count("key_seen", abort, "0");
    expect_audit(abort, "upload_rejected row_refused");
    expect_upload(skip, "accepted 2 1");
    expect_rows(skip, "valid, invalid 201:12, valid");
    expect_count("dn_taken", skip, "2");
    expect_audit(skip, "upload_accepted row_refused");
    expect_upload(none, "rejected 0 1");
    expect_upload(dry, "done 1 1");
    expect_rows(dry, "valid, invalid 201:12");
    expect_count("dn_taken", dry, "0");
    expect_count("key_seen", dry, "0");
    expect_audit(dry, "dry_run_ended");
    assert_string_equal(value("SELECT count(*) FROM job WHERE stage = 'sign' AND upload <> %lld", (long long) skip),
                        "0");
}

static void test_doubles_and_seen(void **state) {
    (void) state;
    EVP_PKEY *key = EVP_EC_gen("P-384");
    int64_t first = make_upload("abort", false, HOSTS("a", "key=b"), key);
    int64_t early = make_upload("skip", false, HOSTS("a", "key=c", "d"), key); /* checked before first is decided */
    int64_t doubles = make_upload("skip", false, HOSTS("x", "x", "bad", "y"), key);
    assert_int_equal(work(&context, STAGE_check), 3);
    assert_int_equal(work(&context, STAGE_decide), 3);
    expect_rows(first, "valid, valid");
    expect_rows(early, "refused 212:1, refused 918:7, valid");
    expect_upload(early, "accepted 1 2");
    expect_rows(doubles, "refused 925:1, refused 925:1, invalid 201:12, valid");
    assert_string_equal(
        value("SELECT errors->0->'args'->>0 FROM application WHERE upload = %lld AND seq = 2", (long long) doubles),
        "1");
    int64_t late = make_upload("abort", false, HOSTS("a", "key=e", "key=f"), key);
    assert_int_equal(work(&context, STAGE_check), 1);
    expect_rows(late, "invalid 212:1, invalid 918:7, invalid 918:7");
    assert_int_equal(work(&context, STAGE_decide), 1);
    expect_rows(late, "invalid 212:1, invalid 918:7 926:7, invalid 918:7 926:7");
    EVP_PKEY_free(key);
}

/* Ends the upload's question as the whois daemon does. */
static void answer(int64_t upload, const char *outcome, const char *ja, const char *en, const char *status) {
    (void) value("UPDATE job SET token = 7 WHERE stage = 'ask' AND upload = %lld", (long long) upload);
    (void) value("SELECT ask_finish(array_agg(id), array_agg(token), '%s', '%s', %s, %s, %s, 'test:43', NULL) FROM job"
                 " WHERE stage = 'ask' AND upload = %lld",
                 domain, outcome, ja, en, status, (long long) upload);
}

static void test_whois(void **state) {
    (void) state;
    static const struct {
        const char *outcome, *ja, *en, *status, *rows;
    } answers[] = {
        {"found", "'申請大学'", "'Other'", "'Connected (2027/03/31)'", "valid"},
        {"found", "NULL", "'TEST　KIKAN'", "'Active'", "refused 904:11"},
        {"found", "NULL", "'ＴＥＳＴＫＩＫＡＮ '", "'Active'", "valid"},
        {"found", "'学校法人申請学園　申請大学'", "'Testkikan'", "'Connected (2027/03/31)'", "refused 904:11"},
        {"found", "'申請大学'", "'Testkikan'", "'Suspended'", "refused 904:11"},
        {"found", "'申請大学'", "'Testkikan'", "NULL", "refused 904:11"},
        {"not_found", "NULL", "NULL", "NULL", "refused 904:11"},
        {"unreachable", "NULL", "NULL", "NULL", "refused 903:11"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        char host[8];
        (void) snprintf(host, sizeof(host), "w%zu", i);
        (void) value("DELETE FROM whois_answer WHERE domain = '%s'", domain);
        int64_t upload = make_upload("skip", false, HOSTS(host), NULL);
        assert_int_equal(work(&context, STAGE_check), 1);
        assert_int_equal(work(&context, STAGE_decide), 0);
        assert_string_equal(value("SELECT open_asks FROM upload WHERE id = %lld", (long long) upload), "1");
        answer(upload, answers[i].outcome, answers[i].ja, answers[i].en, answers[i].status);
        assert_int_equal(work(&context, STAGE_decide), 1);
        expect_rows(upload, answers[i].rows);
    }
}

static void test_withdrawn(void **state) {
    (void) state;
    int64_t suspended = make_upload("skip", false, HOSTS("a"), NULL);
    (void) work(&context, STAGE_check);
    (void) value("UPDATE organisation SET state = 'suspended' WHERE id = %s", organisation);
    (void) work(&context, STAGE_decide);
    expect_upload(suspended, "rejected 1 0");
    assert_string_equal(value("SELECT errors->0->>'code' FROM upload WHERE id = %lld", (long long) suspended), "215");
    expect_rows(suspended, "refused");
    (void) value("UPDATE organisation SET state = 'active' WHERE id = %s", organisation);

    int64_t expired = make_upload("abort", false, HOSTS("b"), NULL),
            domains = make_upload("abort", false, HOSTS("c"), NULL);
    (void) work(&context, STAGE_check);
    (void) value("UPDATE organisation SET issue_until = '2020-01-01' WHERE id = %s", organisation);
    (void) value("UPDATE domain SET state = 'suspended' WHERE organisation = %s", organisation);
    (void) work(&context, STAGE_decide);
    expect_rows(expired, "refused 902:0 901:11");
    expect_rows(domains, "refused 902:0 901:11");
    int64_t late = make_upload("abort", false, HOSTS("d"), NULL);
    (void) work(&context, STAGE_check);
    expect_rows(late, "invalid 902:0 901:11");
}

static void test_policy_changed(void **state) {
    (void) state;
    int64_t upload = make_upload("abort", false, HOSTS("a"), NULL);
    (void) work(&context, STAGE_check);
    install_policy("another");
    (void) work(&context, STAGE_decide);
    expect_rows(upload, "refused 942:0");
    expect_upload(upload, "rejected 0 1");
}

/* Without a policy nothing is judged and nothing is anybody's fault. */
static void test_no_policy(void **state) {
    (void) state;
    int64_t upload = make_upload("abort", false, HOSTS("a"), NULL);
    (void) value("UPDATE service SET policy = NULL");
    assert_int_equal(work(&context, STAGE_check), 1);
    expect_upload(upload, "checking 0 0");
    assert_true(atomic_load(&validator.no_policy));
    assert_string_equal(value("SELECT attempt FROM job WHERE upload = %lld", (long long) upload), "0");
}

/* The limit's day ends at midnight in Japan, 15:00 in Greenwich: for the check and for the decision. */
static void test_last_day(void **state) {
    (void) state;
    (void) value("UPDATE organisation SET issue_until = '2026-06-30' WHERE id = %s", organisation);
    set_now("timestamptz ''2026-06-30T14:59:59Z''");
    int64_t last = make_upload("abort", false, HOSTS("a"), NULL), late = make_upload("abort", false, HOSTS("b"), NULL);
    assert_int_equal(work(&context, STAGE_check), 2);
    expect_rows(last, "valid");
    (void) value("UPDATE job SET due = due + interval '1 hour' WHERE upload = %lld", (long long) late);
    assert_int_equal(work(&context, STAGE_decide), 1);
    expect_rows(last, "valid");
    set_now("timestamptz ''2026-06-30T15:00:00Z''");
    (void) value("UPDATE job SET due = now() WHERE upload = %lld", (long long) late);
    assert_int_equal(work(&context, STAGE_decide), 1);
    expect_rows(late, "refused 902:0");
    int64_t next = make_upload("abort", false, HOSTS("c"), NULL);
    assert_int_equal(work(&context, STAGE_check), 1);
    expect_rows(next, "invalid 902:0");
}

static void test_poison_and_old_tokens(void **state) {
    (void) state;
    struct job job, late;
    int64_t upload = make_upload("skip", false, HOSTS("a"), NULL);
    assert_int_equal(job_claim(context.db, STAGE_check, "test", NULL, 0, &late), 1);
    assert_int_equal(job_claim(context.db, STAGE_check, "test", NULL, context.shared.lease_usec, &job), 1);
    assert_int_equal(check_work(&context, &late), JOB_LOST);
    expect_upload(upload, "checking 0 0");
    assert_int_equal(check_poison(&context, &job), 0);
    expect_rows(upload, "invalid 940:0");
    (void) work(&context, STAGE_decide);
    expect_upload(upload, "rejected 0 1");

    upload = make_upload("skip", false, HOSTS("b"), NULL);
    (void) work(&context, STAGE_check);
    assert_int_equal(job_claim(context.db, STAGE_decide, "test", NULL, 0, &late), 1);
    assert_int_equal(job_claim(context.db, STAGE_decide, "test", NULL, context.shared.lease_usec, &job), 1);
    assert_int_equal(decide_work(&context, &late), JOB_LOST);
    expect_upload(upload, "checking 1 0");
    assert_int_equal(decide_poison(&context, &job), 0);
    expect_upload(upload, "rejected 1 0");
    expect_rows(upload, "refused");
    expect_count("dn_taken", upload, "0");
}

static void *decide_all(void *arg) {
    struct context *c = arg;
    (void) work(c, STAGE_decide);
    return NULL;
}

/* Two uploads with the same names, in opposite order, decided at the same moment by two workers. */
static void test_race(void **state) {
    (void) state;
    char text[RACE_ROWS][16];
    const char *up[RACE_ROWS], *down[RACE_ROWS];
    for (size_t i = 0; i < RACE_ROWS; i++) {
        (void) snprintf(text[i], sizeof(text[i]), "r%zu", i);
        up[i] = down[RACE_ROWS - 1 - i] = text[i];
    }
    struct context other = {0};
    assert_int_equal(open_context(&other), 0);
    assert_int_equal(db_connect(other.db), 0);
    int64_t a = make_upload("skip", false, up, RACE_ROWS, NULL), b = make_upload("skip", false, down, RACE_ROWS, NULL);
    int64_t c = make_upload("abort", false, up, RACE_ROWS, NULL);
    assert_int_equal(work(&context, STAGE_check), 3);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, decide_all, &other), 0);
    (void) decide_all(&context);
    (void) pthread_join(thread, NULL);
    (void) decide_all(&context);
    db_free(other.db);
    assert_string_equal(value("SELECT count(*) FROM upload WHERE id IN (%lld, %lld, %lld) AND state = 'accepted'",
                              (long long) a, (long long) b, (long long) c),
                        "1");
    assert_string_equal(value("SELECT count(*) FROM dn_taken WHERE organisation = %s", organisation), "40");
    assert_string_equal(
        value("SELECT count(*) FROM application WHERE organisation = %s AND errors->0->>'code' = '212'", organisation),
        "80");
    assert_string_equal(value("SELECT count(*) FROM key_seen k JOIN application a ON a.id = k.application"
                              " WHERE a.organisation = %s",
                              organisation),
                        "40");
}

/* As if the signer had been there. */
static void make_certificate(int64_t upload, int64_t number) {
    (void) value("INSERT INTO issuer (id, name, certificate, root, crl_shards, active)"
                 " VALUES (1, 'test', 'x', 'x', 1, true) ON CONFLICT DO NOTHING");
    (void) value(
        "WITH made AS (INSERT INTO intent (application, issuer, serial, policy, tbs)"
        "  SELECT a.id, 1, decode(lpad(to_hex(%lld), 32, '0'), 'hex'), s.policy, 'x' FROM application a, service s"
        "   WHERE a.upload = %lld RETURNING application, serial)"
        "INSERT INTO certificate (application, organisation, issuer, serial, der, cn, spki_hash, not_before, not_after)"
        " SELECT a.id, a.organisation, 1, m.serial, 'x', a.cn, a.spki_hash, now(), now() + interval '9 days'"
        "   FROM made m JOIN application a ON a.id = m.application",
        (long long) number, (long long) upload);
}

/* Both saw the name free and wait for its row; one holds it then, the other is told so (937). */
static void test_two_renewals_at_once(void **state) {
    (void) state;
    struct context other = {0};
    pthread_t threads[2];
    assert_int_equal(open_context(&other), 0);
    assert_int_equal(db_connect(other.db), 0);
    int64_t issued = make_upload("abort", false, HOSTS("a"), NULL);
    assert_int_equal(work(&context, STAGE_check), 1);
    assert_int_equal(work(&context, STAGE_decide), 1);
    make_certificate(issued, 4711);
    kind = "server-renew";
    serial = "4711";
    int64_t a = make_upload("abort", false, HOSTS("a"), NULL), b = make_upload("abort", false, HOSTS("a"), NULL);
    assert_int_equal(work(&context, STAGE_check), 2);
    (void) value("BEGIN");
    (void) value("SELECT 1 FROM dn_taken WHERE organisation = %s FOR UPDATE", organisation);
    assert_int_equal(pthread_create(&threads[0], NULL, decide_all, &context), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, decide_all, &other), 0);
    while (strcmp(value("SELECT pg_stat_clear_snapshot()::text || (SELECT count(*) FROM pg_stat_activity"
                        " WHERE wait_event_type = 'Lock' AND query LIKE '%%dn_taken%%')"),
                  "2") != 0)
        (void) usleep(10000);
    (void) value("ROLLBACK");
    (void) pthread_join(threads[0], NULL);
    (void) pthread_join(threads[1], NULL);
    db_free(other.db);
    bool first = strcmp(value("SELECT state FROM upload WHERE id = %lld", (long long) a), "accepted") == 0;
    expect_upload(first ? a : b, "accepted 1 0");
    expect_rows(first ? b : a, "refused 937:4");
    assert_string_equal(value("SELECT count(*) FROM dn_taken t JOIN application a ON a.id = t.renewing"
                              " WHERE a.upload = %lld AND t.application <> t.renewing",
                              (long long) (first ? a : b)),
                        "1");
}

/* ---- with every fault in the work */

static int64_t faulty;

static void arrange_check(void) {
    (void) value("DELETE FROM job");
    (void) value("DELETE FROM dn_taken");
    (void) value("DELETE FROM key_seen");
    faulty = make_upload("skip", false, HOSTS("a", "bad", "c", "x", "x"), NULL);
}

static void check_checked(void) {
    expect_upload(faulty, "checking 4 1");
    expect_rows(faulty, "valid, invalid 201:12, valid, valid, valid");
    assert_string_equal(value("SELECT count(*) FROM job WHERE stage = 'decide'"), "1");
}

static void arrange_decide(void) {
    arrange_check();
    (void) work(&context, STAGE_check);
}

static void check_decided(void) {
    expect_upload(faulty, "accepted 2 3");
    expect_rows(faulty, "valid, invalid 201:12, valid, refused 925:1, refused 925:1");
    expect_count("dn_taken", faulty, "2");
    expect_count("key_seen", faulty, "2");
    expect_audit(faulty, "upload_accepted row_refused row_refused row_refused");
    assert_string_equal(value("SELECT count(*) FROM job WHERE stage = 'sign'"), "1");
}

static void test_faults(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_check, arrange_check, check_work, check_checked});
    faults_each(&context, &(struct faulty){STAGE_decide, arrange_decide, decide_work, check_decided});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_accept, begin),
        cmocka_unit_test_setup(test_modes, begin),
        cmocka_unit_test_setup(test_doubles_and_seen, begin),
        cmocka_unit_test_setup(test_whois, begin),
        cmocka_unit_test_setup(test_withdrawn, begin),
        cmocka_unit_test_setup(test_policy_changed, begin),
        cmocka_unit_test_setup(test_no_policy, begin),
        cmocka_unit_test_setup(test_last_day, begin),
        cmocka_unit_test_setup(test_poison_and_old_tokens, begin),
        cmocka_unit_test_setup(test_race, begin),
        cmocka_unit_test_setup(test_two_renewals_at_once, begin),
        cmocka_unit_test_setup(test_faults, begin),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
