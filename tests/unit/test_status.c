/* inkanctl status: which facts are no good, and the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/ctl/status.h"

/* Everything is well in it. */
static const char well[] =
    "{'time':'2026-11-25T22:40:11Z','database':{'up':true},"
    "'signing':{'halted':false,'reason':null,'policy':'upki-2026','schema':13},"
    "'daemons':[{'daemon':'signer','ready':true,'address':'127.0.0.1:8494','reasons':''}],"
    "'queues':[{'stage':'check','due':2,'later':0,'overdue_sec':3},{'stage':'crl','due':0,'later':16,'overdue_sec':0}],"
    "'issuers':[{'issuer':1,'name':'Shinsei CA 1','active':true,'shards':16,'crls':16,'crl_number':12,"
    "'crl_next_update':'2026-12-01T00:00:00Z','crl_left_sec':500000,'crl_life_sec':604800,'responders':1,"
    "'responder_left_sec':400000,'ends':'2036-01-01T00:00:00Z','left_sec':300000000}],"
    "'certificates':[{'certificate':'tls','ends':'2027-06-01T00:00:00Z','left_sec':16000000}],"
    "'whois':[{'server':'whois.jprs.jp:43','answers':12,'unreachable':1,'last':'found','last_sec':60,'detail':null}],"
    "'mail':{'waiting':0,'oldest_sec':null,'attempts':null,'reply':null,'refused':0},"
    "'audit':{'seal':1742,'sealed_sec':2,'unsealed_sec':0,'other_cluster':false,'head':'1700:6f3a','head_mailed':2,"
    "'head_left':'2026-11-25T00:00:03Z','head_sec':80000,'first_sec':900000,'drilled':null,'drill_sec':null}}";

static json_t *facts_with(const char *path, const char *value) {
    _cleanup_buf_ struct buf text = {0};
    for (const char *p = well; *p; p++)
        buf_char(&text, *p == '\'' ? '"' : *p);
    json_t *facts = json_loads(buf_string(&text), 0, NULL);
    assert_non_null(facts);
    if (!path)
        return facts;
    char group[32], name[32];
    assert_int_equal(sscanf(path, "%31[^.].%31s", group, name), 2); // NOLINT(cert-err34-c)
    json_t *object = json_object_get(facts, group), *new = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(new);
    if (json_is_array(object))
        object = json_array_get(object, 0);
    assert_int_equal(json_object_set_new(object, name, new), 0);
    return facts;
}

static void test_well(void **state) {
    (void) state;
    _cleanup_buf_ struct buf text = {0};
    json_t *facts = facts_with(NULL, NULL);
    assert_int_equal(status_judge(facts, 300), 0);
    status_text(facts, &text);
    assert_string_equal(buf_string(&text),
                        "time         2026-11-25 22:40 UTC\n"
                        "signing      on; policy upki-2026, schema 13\n"
                        "daemons      signer ready\n"
                        "queues       check 2 (for 3 s), crl 0 +16\n"
                        "CAs          1 Shinsei CA 1 (active) ends 2036-01-01; CRL 12, 16 of 16 shards, next update by "
                        "2026-12-01 00:00 UTC; OCSP for 4 d 15 h\n"
                        "certificates tls ends 2027-06-01 (185 d 4 h)\n"
                        "WHOIS        whois.jprs.jp:43: found 1 min ago; 1 of 12 within a day unreachable\n"
                        "mail         0 wait; 0 refused within a day\n"
                        "audit        seal 1742 2 s ago, oldest event without one 0 s\n"
                        "             head 1700:6f3a… left 2026-11-25 00:00 UTC, mailed to 2\n"
                        "restore      no trial is recorded (inkanctl database drill)\n"
                        "\nAll is well.\n");
    json_decref(facts);
}

/* One fact changed, one finding that says so. */
static void test_findings(void **state) {
    (void) state;
    static const struct {
        const char *path, *value, *what, *see;
    } cases[] = {
        {"database.up", "false", "the database cannot be reached", "the-database-cannot-be-reached"},
        {"signing.halted", "true", "signing is halted", "signing-is-halted"},
        {"signing.policy", "null", "no policy is in force", "a-daemon-is-not-ready"},
        {"daemons.ready", "false", "signer is not ready", "a-daemon-is-not-ready"},
        {"queues.overdue_sec", "301", "the queue check stands still: a job has been due for 5 min",
         "a-queue-stands-still"},
        {"issuers.crls", "15", "issuer 1: 1 of 16 CRLs were never made", "a-crl-is-old"},
        {"issuers.crl_left_sec", "-7200", "issuer 1: a CRL ended 2 h ago", "a-crl-is-old"},
        {"issuers.crl_left_sec", "300000", "issuer 1: a CRL is not renewed and ends in 3 d 11 h", "a-crl-is-old"},
        {"issuers.responder_left_sec", "80000", "the certificate of an OCSP responder", "ocsp-is-not-answered"},
        {"issuers.left_sec", "30000000", "the CA's certificate ends in 347 d 5 h", "a-certificate-of-the-service-ends"},
        {"issuers.left_sec", "-60", "the CA's certificate ends since 1 min", "a-certificate-of-the-service-ends"},
        {"issuers.active", "false", "no issuing CA is active", "a-daemon-is-not-ready"},
        {"certificates.left_sec", "1000000", "\"tls\" ends in 11 d 13 h", "a-certificate-of-the-service-ends"},
        {"certificates.left_sec", "-1000000", "\"tls\" ended 11 d 13 h ago", "a-certificate-of-the-service-ends"},
        {"whois.last", "\"unreachable\"", "WHOIS whois.jprs.jp:43 did not answer 1 min ago", "whois-does-not-answer"},
        {"mail.oldest_sec", "901", "the oldest for 15 min: not tried yet", "mails-wait"},
        {"mail.refused", "2", "2 mails were refused or given up", "mails-are-refused"},
        {"audit.unsealed_sec", "61", "an audit event has waited 1 min for its seal", "the-audit-is-not-sealed"},
        {"audit.head_sec", "93601", "no head of the audit has left the database for 1 d 2 h",
         "the-audits-head-does-not-leave"},
        {"audit.head_sec", "null", "no head of the audit has left the database for 10 d 10 h",
         "the-audits-head-does-not-leave"},
        {"audit.other_cluster", "true", "another database cluster", "back-up-and-restore"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buf_ struct buf text = {0};
        json_t *facts = facts_with(cases[i].path, cases[i].value);
        assert_int_equal(status_judge(facts, 300), 0);
        const json_t *findings = json_object_get(facts, "findings"), *f = json_array_get(findings, 0);
        assert_true(json_is_false(json_object_get(facts, "well")));
        if (json_array_size(findings) != 1)
            fail_msg("%s: %zu findings", cases[i].path, json_array_size(findings));
        if (!strstr(json_string_value(json_object_get(f, "what")), cases[i].what))
            fail_msg("%s: %s", cases[i].path, json_string_value(json_object_get(f, "what")));
        assert_string_equal(json_string_value(json_object_get(f, "see")), cases[i].see);
        status_text(facts, &text);
        assert_non_null(strstr(buf_string(&text), "NOT WELL: 1 finding.\n"));
        json_decref(facts);
    }
}

/* Without the database, what is not known is said to be so. */
static void test_without_database(void **state) {
    (void) state;
    _cleanup_buf_ struct buf text = {0};
    json_t *facts = json_pack("{s:{s:b}, s:[], s:[]}", "database", "up", 0, "daemons", "certificates");
    assert_int_equal(status_judge(facts, 300), 0);
    status_text(facts, &text);
    assert_non_null(strstr(buf_string(&text), "queues       not known\n"));
    assert_non_null(strstr(buf_string(&text), "audit        not known\n"));
    assert_non_null(strstr(buf_string(&text), "the database cannot be reached"));
    json_decref(facts);
}

/* A CA that no longer signs needs its CRLs until its last certificate has ended, and nothing afterwards. */
static void test_old_issuer(void **state) {
    (void) state;
    for (int ended = 0; ended < 2; ended++) {
        json_t *facts = facts_with(NULL, NULL), *issuers = json_object_get(facts, "issuers");
        json_t *old = json_deep_copy(json_array_get(issuers, 0));
        (void) json_object_set_new(old, "active", json_false());
        (void) json_object_set_new(old, "crl_left_sec", json_integer(-5));
        (void) json_object_set_new(old, "left_sec", json_integer(ended ? -5 : 5));
        (void) json_array_append_new(issuers, old);
        assert_int_equal(status_judge(facts, 300), 0);
        assert_int_equal(json_array_size(json_object_get(facts, "findings")), ended ? 0 : 1);
        json_decref(facts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_well), cmocka_unit_test(test_findings),
                                       cmocka_unit_test(test_without_database), cmocka_unit_test(test_old_issuer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
