/* Which server is asked, and where a stranger's referral may lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "services/whois/server.h"

static void test_host_names(void **state) {
    (void) state;
    static const char *const good[] = {"whois.jprs.jp", "a.bc", "WHOIS.Example-1.ORG", "xn--abc.jp", "1.2.3.com"};
    static const char *const bad[] = {"",           "localhost",  "a..b",       ".a.b",  "a.b.",          "-a.b",
                                      "a-.b",       "a_b.c",      "a b.c",      "a.b:1", "127.0.0.1",     "0x7f.1",
                                      "1.2.3.0x10", "2130706433", "a.b\r\nc.d", "::1",   "a.\xe3\x81\x82"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(host_is_name(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(host_is_name(bad[i]));
    char text[300];
    for (size_t len = 60; len <= 65; len++) { /* a label has 63 bytes at most */
        memset(text, 'a', len);
        (void) snprintf(text + len, sizeof(text) - len, ".jp");
        assert_int_equal(host_is_name(text), len <= 63);
    }
    for (size_t len = 250; len <= 256; len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = i % 50 == 49 && i + 1 < len ? '.' : 'a';
        text[len] = '\0';
        assert_int_equal(host_is_name(text), len <= HOST_MAX);
    }
}

static void test_public_addresses(void **state) {
    (void) state;
    static const char *const public[] = {"8.8.8.8",     "117.104.133.169", "172.32.0.1",
                                         "100.128.0.1", "2606:4700::1",    "2001:218:2001:3006::1"};
    static const char *const inside[] = {
        "127.0.0.1",     "10.1.2.3", "172.16.0.1",  "172.31.255.255",   "192.168.1.1",
        "169.254.1.1",   "0.0.0.0",  "224.0.0.1",   "255.255.255.255",  "100.64.0.1",
        "::1",           "fe80::1",  "fd00::1",     "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "2001::1",  "2001:db8::1", "ff02::1",          "::"};
    struct address a;
    for (size_t i = 0; i < ARRAY_SIZE(public); i++) {
        assert_true(address_parse(&a, public[i]));
        assert_true(address_is_public(&a));
    }
    for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
        assert_true(address_parse(&a, inside[i]));
        assert_false(address_is_public(&a));
    }
    assert_false(address_parse(&a, "whois.jprs.jp"));
}

static void test_suffixes(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    struct servers *s = NULL;
    assert_int_equal(servers_new(&s, "jp=a.example:43  ac.jp=b.example:4343 .=[::1]:43", "", &errors), 0);
    assert_string_equal(servers_find(s, "example.jp")->name, "a.example:43");
    assert_string_equal(servers_find(s, "example.ac.jp")->name, "b.example:4343");
    assert_string_equal(servers_find(s, "ac.jp")->name, "b.example:4343");
    assert_string_equal(servers_find(s, "xac.jp")->name, "a.example:43");
    assert_string_equal(servers_find(s, "example.org")->name, "[::1]:43");
    servers_free(s);
    assert_int_equal(servers_new(&s, "jp=a.example:43", "", &errors), 0);
    assert_null(servers_find(s, "example.org"));
    servers_free(s);
    static const char *const bad[] = {
        "jp", "jp=", "jp=a.example", "jp=a.example:0", "jp=a.example:65536", "=a.example:43", "jp=a_b.example:43"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        buf_reset(&errors);
        assert_int_equal(servers_new(&s, bad[i], bad[i], &errors), -EINVAL);
        assert_non_null(strstr(buf_string(&errors), "whois.servers"));
        assert_non_null(strstr(buf_string(&errors), "whois.referrals"));
    }
}

static void test_referrals(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    struct servers *s = NULL;
    struct server *to = NULL, *again = NULL;
    assert_int_equal(
        servers_new(&s, "jp=whois.example:43", "127.0.0.1:99=127.0.0.1:99 mapped.example=127.0.0.1:98", &errors), 0);
    assert_int_equal(servers_refer(s, "127.0.0.1:99", &to), 0);
    assert_true(to->trusted);
    assert_int_equal(servers_refer(s, "Mapped.Example", &to), 0);
    assert_string_equal(to->name, "127.0.0.1:98");
    assert_int_equal(servers_refer(s, "127.0.0.1", &to), -EINVAL);
    assert_int_equal(servers_refer(s, "127.0.0.1:98", &to), -EINVAL);
    assert_int_equal(servers_refer(s, "stranger.example", &to), 0);
    assert_false(to->trusted);
    assert_int_equal(to->port, 43);
    assert_int_equal(servers_refer(s, "STRANGER.example", &again), 0);
    assert_ptr_equal(to, again);
    assert_int_equal(servers_refer(s, "whois.example", &to), 0);
    assert_true(to->trusted);
    servers_free(s);
}

/* Hostile answers cannot fill the memory with servers, and a server in use is not forgotten. */
static void test_many_referrals(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    struct servers *s = NULL;
    struct server *kept = NULL, *to = NULL;
    assert_int_equal(servers_new(&s, ".=whois.example:43", "", &errors), 0);
    assert_int_equal(servers_refer(s, "kept.example", &kept), 0);
    kept->users = 1;
    for (int i = 0; i < 2000; i++) {
        char name[64];
        (void) snprintf(name, sizeof(name), "n%d.example", i);
        assert_int_equal(servers_refer(s, name, &to), 0);
    }
    assert_int_equal(servers_refer(s, "kept.example", &to), 0);
    assert_ptr_equal(to, kept);
    for (int i = 0, r = 0; i < 2000 && r == 0; i++) {
        char name[64];
        (void) snprintf(name, sizeof(name), "m%d.example", i);
        r = servers_refer(s, name, &to);
        assert_true(r == 0 || r == -ENOSPC);
        if (r == 0)
            to->users = 1;
        else
            assert_true(i < 300);
    }
    servers_free(s);
}

static void test_readiness(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0}, reasons = {0};
    struct servers *s = NULL;
    assert_int_equal(servers_new(&s, "jp=whois.example:43", "", &errors), 0);
    struct server *server = servers_find(s, "example.jp");
    for (int i = 0; i < 9; i++)
        servers_record(s, server, false);
    servers_readiness(s, &reasons);
    assert_string_equal(buf_string(&reasons), "");
    servers_record(s, server, false);
    servers_readiness(s, &reasons);
    assert_string_equal(buf_string(&reasons), "the last 10 queries to whois.example:43 failed\n");
    servers_record(s, server, true);
    buf_reset(&reasons);
    servers_readiness(s, &reasons);
    assert_string_equal(buf_string(&reasons), "");
    servers_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_names), cmocka_unit_test(test_public_addresses), cmocka_unit_test(test_suffixes),
        cmocka_unit_test(test_referrals),  cmocka_unit_test(test_many_referrals),   cmocka_unit_test(test_readiness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
