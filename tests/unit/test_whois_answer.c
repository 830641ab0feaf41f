/* Answers in the layouts of the registries, each with its faults. The names in them are invented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "services/whois/answer.h"

#define HEAD                                                                                                           \
    "[ JPRS database provides information on network administration. Its use is    ]\n"                                \
    "[ restricted to network administration purposes. For further information,     ]\n"                                \
    "[ use 'whois -h whois.jprs.jp help'. To suppress Japanese output, add'/e'     ]\n"                                \
    "[ at the end of command, e.g. 'whois -h whois.jprs.jp xxx/e'.                 ]\n"                                \
    "\n"

static const char university[] = HEAD "Domain Information: [ドメイン情報]\n"
                                      "a. [ドメイン名]                 EXAMPLE.AC.JP\n"
                                      "e. [そしきめい]                 しんせいだいがく\n"
                                      "f. [組織名]                     申請大学\n"
                                      "g. [Organization]               Shinsei University\n"
                                      "k. [組織種別]                   大学\n"
                                      "l. [Organization Type]          University\n"
                                      "m. [登録担当者]                 TS1234JP\n"
                                      "n. [技術連絡担当者]             TS1234JP\n"
                                      "p. [ネームサーバ]               ns1.example.ac.jp\n"
                                      "p. [ネームサーバ]               ns2.example.ac.jp\n"
                                      "s. [署名鍵]                     \n"
                                      "[状態]                          Connected (2027/03/31)\n"
                                      "[登録年月日]                    1995/04/01\n"
                                      "[接続年月日]                    1995/05/01\n"
                                      "[最終更新]                      2026/04/01 01:02:03 (JST)\n"
                                      "\n";

static const char university_english[] = HEAD "Domain Information:\n"
                                              "a. [Domain Name]                EXAMPLE.AC.JP\n"
                                              "g. [Organization]               Shinsei University\n"
                                              "l. [Organization Type]          University\n"
                                              "m. [Administrative Contact]     TS1234JP\n"
                                              "p. [Name Server]                ns1.example.ac.jp\n"
                                              "s. [Signing Key]                \n"
                                              "[State]                         Connected (2027/03/31)\n"
                                              "[Registered Date]               1995/04/01\n"
                                              "[Last Update]                   2026/04/01 01:02:03 (JST)\n\n";

static const char network[] = HEAD "Domain Information: [ドメイン情報]\n"
                                   "a. [ドメイン名]                 EXAMPLE.NE.JP\n"
                                   "b. [ねっとわーくさーびすめい]   しんせいねっと\n"
                                   "c. [ネットワークサービス名]     申請ネット\n"
                                   "d. [Network Service Name]       Shinsei Net\n"
                                   "k. [組織種別]                   ネットワークサービス\n"
                                   "p. [ネームサーバ]               ns1.example.ne.jp\n"
                                   "[状態]                          Connected (2027/03/31)\n"
                                   "[登録年月日]                    1999/04/01\n"
                                   "[最終更新]                      2026/04/01 01:02:03 (JST)\n\n";

static const char generic[] = HEAD "Domain Information: [ドメイン情報]\n"
                                   "[Domain Name]                   EXAMPLE.JP\n"
                                   "\n"
                                   "[登録者名]                      学校法人申請学園\n"
                                   "                                申請大学\n"
                                   "[Registrant]                    Shinsei Gakuen\n"
                                   "                                Shinsei University\n"
                                   "\n"
                                   "[Name Server]                   ns1.example.jp\n"
                                   "[Signing Key]                   \n"
                                   "\n"
                                   "[登録年月日]                    2001/04/02\n"
                                   "[有効期限]                      2027/04/30\n"
                                   "[状態]                          Active\n"
                                   "[ロック状態]                    AgentChangeLocked\n"
                                   "[最終更新]                      2026/05/01 01:05:07 (JST)\n"
                                   "\n"
                                   "Contact Information: [公開連絡窓口]\n"
                                   "[名前]                          申請大学 情報基盤センター\n"
                                   "[Name]                          Another Name\n"
                                   "[郵便番号]                      100-0000\n"
                                   "[住所]                          東京都千代田区\n"
                                   "                                一ツ橋9-9-9\n\n";

static const char registry_thick[] = "Domain Name: EXAMPLE.ORG\n"
                                     "Registrar WHOIS Server: whois.registrar.example\n"
                                     "Domain Status: clientTransferProhibited https://icann.org/epp#x\n"
                                     "Domain Status: autoRenewPeriod https://icann.org/epp#y\n"
                                     "Registrant Organization: Shinsei University\n"
                                     "Registrant Country: JP\n"
                                     "DNSSEC: unsigned\n"
                                     ">>> Last update of WHOIS database: 2026-11-01T00:00:00Z <<<\n"
                                     "\n"
                                     "Terms of use: the number of queries must not be exceeded.\n";

static const char registry_thin[] = "   Domain Name: EXAMPLE.COM\n"
                                    "   Registrar WHOIS Server: whois.registrar.example\n"
                                    "   Domain Status: ok https://icann.org/epp#ok\n"
                                    ">>> Last update of whois database: 2026-11-01T00:00:00Z <<<\n";

static const char redacted[] = "Domain Name: example.org\n"
                               "Registrant Organization: REDACTED FOR PRIVACY\n"
                               "Registrar WHOIS Server: whois.registrar.example\n"
                               ">>> Last update of WHOIS database: 2026-11-01T00:00:00Z <<<\n";

static const char iana[] = "% IANA WHOIS server\n\n"
                           "refer:        whois.pir.example\n\n"
                           "domain:       ORG\n\n"
                           "organisation: A Registry\n"
                           "whois:        whois.other.example\n"
                           "source:       IANA\n";

static struct answer read_text(const char *domain, const char *text) {
    static struct answer a;
    answer_read(&a, domain, text, strlen(text));
    return a;
}

/* What a server sends: with CR before LF, in the given character set. Result is the caller's. */
static void as_sent(const char *text, bool crlf, const char *charset, struct buf *to) {
    _cleanup_buf_ struct buf lines = {0};
    for (const char *p = text; *p; p++) {
        if (*p == '\n' && crlf)
            buf_char(&lines, '\r');
        buf_char(&lines, *p);
    }
    buf_reset(to);
    if (!charset) {
        buf_add(to, lines.data, lines.len);
        return;
    }
    iconv_t cd = iconv_open(charset, "UTF-8");
    assert_true(cd != (iconv_t) -1);
    size_t cap = lines.len * 4, left = lines.len, room = cap;
    char *out = malloc(cap), *in = lines.data, *end = out;
    assert_true(iconv(cd, &in, &left, &end, &room) != (size_t) -1);
    buf_add(to, out, cap - room);
    free(out);
    (void) iconv_close(cd);
}

struct layout {
    const char *domain, *text, *ja, *en, *status;
};

static const struct layout layouts[] = {
    {"example.ac.jp", university, "申請大学", "Shinsei University", "Connected (2027/03/31)"},
    {"example.ac.jp", university_english, "", "Shinsei University", "Connected (2027/03/31)"},
    {"example.ne.jp", network, "申請ネット", "Shinsei Net", "Connected (2027/03/31)"},
    {"example.jp", generic, "学校法人申請学園 申請大学", "Shinsei Gakuen Shinsei University", "Active"},
    {"example.org", registry_thick, "", "Shinsei University", "clientTransferProhibited autoRenewPeriod"},
};

static void check_found(const struct layout *l, const void *data, size_t len) {
    struct answer a;
    answer_read(&a, l->domain, data, len);
    assert_int_equal(a.outcome, ANSWER_FOUND);
    assert_string_equal(a.registrant_ja, l->ja);
    assert_string_equal(a.registrant_en, l->en);
    assert_string_equal(a.status, l->status);
    assert_null(a.detail);
}

static void test_layouts(void **state) {
    (void) state;
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        for (int form = 0; form < 4; form++) {
            _cleanup_buf_ struct buf sent = {0};
            as_sent(layouts[i].text, form & 1, form & 2 ? "ISO-2022-JP" : NULL, &sent);
            check_found(&layouts[i], sent.data, sent.len);
        }
}

/* Cut at every byte: either no verdict at all, or the very verdict of the whole. */
static void test_truncation(void **state) {
    (void) state;
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        for (int form = 0; form < 4; form++) {
            _cleanup_buf_ struct buf sent = {0};
            size_t found = 0;
            as_sent(layouts[i].text, form & 1, form & 2 ? "ISO-2022-JP" : NULL, &sent);
            for (size_t len = 0; len < sent.len; len++) {
                struct answer a;
                char *cut = malloc(len ? len : 1); /* so that a sanitizer sees a read past the end */
                assert_non_null(cut);
                memcpy(cut, sent.data, len);
                answer_read(&a, layouts[i].domain, cut, len);
                assert_true(a.outcome == ANSWER_FOUND || a.outcome == ANSWER_UNREACHABLE);
                if (a.outcome == ANSWER_FOUND) {
                    check_found(&layouts[i], cut, len);
                    found++;
                } else {
                    assert_string_equal(a.registrant_ja, "");
                    assert_string_equal(a.registrant_en, "");
                    assert_non_null(a.detail);
                }
                free(cut);
            }
            assert_true(found < sent.len / 2);
        }
}

static void test_not_found(void **state) {
    (void) state;
    static const char *const texts[] = {HEAD "No match!!\n\nJPRS WHOIS holds names under .JP only.\n",
                                        "No match for \"EXAMPLE.AC.JP\".\n>>> Last update <<<\n", "NOT FOUND\n",
                                        "Domain not found.\r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_text("example.ac.jp", texts[i]).outcome, ANSWER_NOT_FOUND);
    assert_int_equal(read_text("example.ac.jp", "No match for \"OTHER.AC.JP\".\n").outcome, ANSWER_UNREACHABLE);
    assert_int_equal(read_text("example.ac.jp", "No match").outcome, ANSWER_UNREACHABLE);
}

static void test_limited(void **state) {
    (void) state;
    static const char *const texts[] = {
        "WHOIS LIMIT EXCEEDED - SEE WWW.PIR.ORG/WHOIS FOR DETAILS\n",
        "BLACKLISTED: You have exceeded the query limit for your network\n",
        "Query rate limit exceeded",
        HEAD "短時間に多数の検索があったため、アクセス制限を行っています。\n",
        "Lookup quota exceeded.\nNot found\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct answer a = read_text("example.ac.jp", texts[i]);
        assert_int_equal(a.outcome, ANSWER_UNREACHABLE);
        assert_string_equal(a.detail, "the server limits our queries");
    }
}

static void check_unreachable(const char *domain, const char *text, const char *detail) {
    struct answer a = read_text(domain, text);
    assert_int_equal(a.outcome, ANSWER_UNREACHABLE);
    assert_string_equal(a.detail, detail);
}

static void test_faults(void **state) {
    (void) state;
    check_unreachable("example.ac.jp", "", "an empty answer");
    check_unreachable("example.ac.jp", "\xff\xfe nothing\n", "the answer is not text in UTF-8 or ISO-2022-JP");
    check_unreachable("example.ac.jp", "\x1b$B~~\x1b(B\n", "the answer is not text in UTF-8 or ISO-2022-JP");
    check_unreachable("example.ac.jp", "hello\nthere\n", "the answer is cut off or of an unknown form");
    check_unreachable("example.ac.jp", HEAD, "the answer is cut off or of an unknown form");
    check_unreachable("other.ac.jp", university, "the answer is about another domain");
    check_unreachable("other.org", registry_thick, "the answer is about another domain");
    char zero[] = "Domain Name: a\0b\n";
    struct answer a;
    answer_read(&a, "example.org", zero, sizeof(zero));
    assert_int_equal(a.outcome, ANSWER_UNREACHABLE);
    answer_read(&a, "example.org", university, ANSWER_BYTES_MAX + 1);
    assert_string_equal(a.detail, "the answer is too long");
}

static void test_doubled(void **state) {
    (void) state;
    static const char *const texts[] = {
        "Domain Information: [ドメイン情報]\na. [ドメイン名] EXAMPLE.AC.JP\nf. [組織名] 申請大学\nf. [組織名] "
        "別の大学\n"
        "[最終更新] 2026/04/01\n",
        "Domain Name: example.ac.jp\nRegistrant Organization: A\nRegistrant Organization: B\n"
        ">>> Last update of WHOIS database: x <<<\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_unreachable("example.ac.jp", texts[i], "a value too long, or a registrant named twice");
}

static void test_too_long(void **state) {
    (void) state;
    for (size_t len = ANSWER_TEXT_MAX - 1; len <= ANSWER_TEXT_MAX + 1; len++) {
        _cleanup_buf_ struct buf text = {0};
        buf_text(&text, "Domain Name: example.org\nRegistrant Organization: ");
        for (size_t i = 0; i < len; i++)
            buf_char(&text, 'x');
        buf_text(&text, "\n>>> Last update of WHOIS database: x <<<\n");
        struct answer a = read_text("example.org", buf_string(&text));
        assert_int_equal(a.outcome, len <= ANSWER_TEXT_MAX ? ANSWER_FOUND : ANSWER_UNREACHABLE);
        assert_int_equal(strlen(a.registrant_en), len <= ANSWER_TEXT_MAX ? len : 0);
    }
}

static void test_cleaning(void **state) {
    (void) state;
    struct answer a = read_text("example.ac.jp", "Domain Information:\na. [ドメイン名] example.ac.jp.\n"
                                                 "f. [組織名]\t　申請\x07\xc2\x85\xe2\x80\xae大学\xef\xbb\xbf　 \n"
                                                 "g. [Organization] Shinsei\tUniversity\x7f\n"
                                                 "[最終更新] 2026/04/01\n");
    assert_int_equal(a.outcome, ANSWER_FOUND);
    assert_string_equal(a.registrant_ja, "申請大学");
    assert_string_equal(a.registrant_en, "Shinsei University");
}

static void test_withheld(void **state) {
    (void) state;
    struct answer a = read_text("example.jp", "Domain Information: [ドメイン情報]\n[Domain Name] EXAMPLE.JP\n"
                                              "[登録者名]\n[Registrant]\n[状態] Suspended\n[最終更新] 2026/05/01\n");
    assert_int_equal(a.outcome, ANSWER_FOUND);
    assert_string_equal(a.registrant_ja, "");
    assert_string_equal(a.status, "Suspended");
    assert_string_equal(a.detail, "the registrant is withheld");
}

static void test_referral(void **state) {
    (void) state;
    struct answer a = read_text("example.org", iana);
    assert_int_equal(a.outcome, ANSWER_REFERRED);
    assert_string_equal(a.referral, "whois.pir.example");
    assert_false(a.whole);
    a = read_text("example.com", registry_thin);
    assert_int_equal(a.outcome, ANSWER_REFERRED);
    assert_string_equal(a.referral, "whois.registrar.example");
    assert_string_equal(a.status, "ok");
    assert_false(a.whole);
    a = read_text("example.org", redacted);
    assert_int_equal(a.outcome, ANSWER_REFERRED);
    assert_true(a.whole);
    for (size_t len = 0; len < strlen(registry_thin) - 1; len++) {
        answer_read(&a, "example.com", registry_thin, len);
        assert_int_equal(a.outcome, ANSWER_UNREACHABLE);
    }
    for (size_t len = 0; len < strlen(iana); len++) {
        answer_read(&a, "example.org", iana, len);
        assert_true(a.outcome == ANSWER_UNREACHABLE || strcmp(a.referral, "whois.pir.example") == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),  cmocka_unit_test(test_truncation), cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_limited),  cmocka_unit_test(test_faults),     cmocka_unit_test(test_doubled),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_cleaning),   cmocka_unit_test(test_withheld),
        cmocka_unit_test(test_referral),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
