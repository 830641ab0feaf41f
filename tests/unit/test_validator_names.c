/* Every error of a row's DN and names. */
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "rows.h"

static const struct expectation dn_rows[] = {
    {"206 order", {{[1] = "C=JP,ST=Tokyo,L=Chiyoda-ku,O=testkikan,CN=www.example.ac.jp"}, {0}, 0}, "206:1"},
    {"206 missing",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,ST=Tokyo,C=JP"},
      {.subject = "C=JP|ST=Tokyo|O=testkikan|CN=www.example.ac.jp"},
      0},
     "206:1"},
    {"206 empty", {{[1] = "CN=www.example.ac.jp,O=testkikan,L=,ST=Tokyo,C=JP"}, {0}, 0}, "206:1 905:1 917:7"},
    {"206 no DN", {{[1] = "www.example.ac.jp"}, {0}, 0}, "206:1 917:7"},
    {"206 lower case", {{[1] = "cn=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0}, "206:1 917:7"},
    {"206 OU",
     {{[1] = "CN=www.example.ac.jp,OU=Lab,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"},
      {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|OU=Lab|CN=www.example.ac.jp"},
      0},
     "206:1"},
    {"206 foreign attribute", {{[1] = DN ",emailAddress=a@b.jp"}, {0}, 0}, "206:1"},
    {"206 twice",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0},
     "206:1 917:7"},
    {"Dec 2025: C hidden in ST",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo, C=JP,C=JP"}, {0}, 0},
     "206:1 917:7"},
    {"Dec 2025: quoted",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=\"Tokyo, C=JP\""}, {0}, 0},
     "906:1 927:1 917:7"},
    {"Dec 2025: in the CSR",
     {{NULL}, {.subject = "C=JP|ST=Tokyo, C=JP|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"}, 0},
     "917:7"},
    {"206 hidden",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,X=1,L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0},
     "206:1 241:1 917:7"},
    {"241",
     {{[1] = "CN=www.example.ac.jp,O=Testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"},
      {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=Testkikan|CN=www.example.ac.jp"},
      0},
     "241:1"},
    {"241 comma",
     {{[1] = "CN=www.example.ac.jp,O=testkikan, Ltd.,L=Chiyoda-ku,ST=Tokyo,C=JP"},
      {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan, Ltd.|CN=www.example.ac.jp"},
      0},
     "241:1"},
    {"905",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,L=Chiyoda,ST=Tokyo,C=JP"},
      {.subject = "C=JP|ST=Tokyo|L=Chiyoda|O=testkikan|CN=www.example.ac.jp"},
      0},
     "905:1"},
    {"906",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=tokyo,C=JP"},
      {.subject = "C=JP|ST=tokyo|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"},
      0},
     "906:1"},
    {"927",
     {{[1] = "CN=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=jp"},
      {.subject = "C=jp|ST=Tokyo|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"},
      0},
     "927:1"},
    {"928",
     {{[1] = "CN=www.example.ac.jp,O=Internet Widgits Pty Ltd,L=Chiyoda-ku,ST=Some-State,C=JP"},
      {.subject = "C=JP|ST=Some-State|L=Chiyoda-ku|O=Internet Widgits Pty Ltd|CN=www.example.ac.jp"},
      0},
     "241:1 906:1 928:1 928:1 928:7 928:7"},
    {"928 nothing",
     {{[1] = "CN=www.example.ac.jp,O=.,L=n/a,ST= -,C=JP"}, {.subject = "C=JP|ST= -|L=n/a|O=.|CN=www.example.ac.jp"}, 0},
     "241:1 905:1 906:1 928:1 928:1 928:1 928:7 928:7 928:7"},
    {"928 Red Hat",
     {{[1] = "CN=www.example.ac.jp,O=Default Company Ltd,L=Default City,ST=Tokyo,C=XX"},
      {.subject = "C=XX|ST=Tokyo|L=Default City|O=Default Company Ltd|CN=www.example.ac.jp"},
      0},
     "241:1 905:1 927:1 928:1 928:1 928:1 928:7 928:7 928:7"},
    {"blank in a value",
     {{[1] = "CN=www.example.ac.jp,O= testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0},
     "241:1 917:7"},
    {"202 DN",
     {{[1] = "CN=www.example.ac.jp,O=" A50 A50 A50 A50 "xxxx,L=Chiyoda-ku,ST=Tokyo,C=JP"}, {.subject = SUBJECT}, 0},
     "202:1 241:1 917:7"},
};

static void test_dn(void **state) {
    (void) state;
    expect_all(dn_rows, ARRAY_SIZE(dn_rows));

    rules.expired = rules.policy_changed = true;
    expect("902, 942", &(struct fields){{[2] = "4"}, {0}, 0}, "902:0 942:0 913:2");
    rules.expired = rules.policy_changed = false;
}

static void test_ous(void **state) {
    (void) state;
    policy.ou = POLICY_OU_LISTED;
    static const struct fields ou = {{[1] = "CN=www.example.ac.jp,OU=Lab,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"},
                                     {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|OU=Lab|CN=www.example.ac.jp"},
                                     0};
    static const char *const listed[] = {"Media Center", "Lab"};
    static const struct fields two = {
        {[1] = "CN=www.example.ac.jp,OU=Lab,OU=Media Center,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"},
        {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|OU=Media Center|OU=Lab|CN=www.example.ac.jp"},
        0};
    static const struct fields hidden = {
        {[1] = "CN=www.example.ac.jp,OU=Lab, X=Media Center,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"},
        {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|OU=Lab, X=Media Center|CN=www.example.ac.jp"},
        0};
    static const char forty[] = "An OU on the list, of forty-one characters";
    static const struct fields sixty_five = {
        {[1] = "CN=www.example.ac.jp,OU=An OU on the list, of forty-one characters,OU=An OU on the list, of "
               "forty-one characters,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"},
        {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|OU=An OU on the list, of forty-one characters|OU=An OU on "
                    "the list, of forty-one characters|CN=www.example.ac.jp"},
        0};
    expect("371", &ou, "371:1");
    rules.ous = listed;
    rules.ous_count = ARRAY_SIZE(listed);
    expect("OU on the list", &ou, "");
    expect("two OUs on the list", &two, "");
    expect("206, 371: hidden in OU", &hidden, "206:1 371:1");
    rules.ous_count = 1;
    expect("371: one of two", &two, "371:1");
    rules.ous = (const char *const[]){forty};
    expect("908", &sixty_five, "908:1");
    rules.ous_count = 0;
    policy.ou = POLICY_OU_STRIP;
    expect("OU taken away", &ou, "");
    policy.ou = POLICY_OU_REFUSE;
}

/* A row whose CN, CSR and FQDN are all this name. */
static void expect_name(const char *name, const char *expected) {
    _cleanup_buf_ struct buf dn = {0}, subject = {0};
    buf_printf(&dn, "CN=%s,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP", name);
    buf_printf(&subject, "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|CN=%s", name);
    expect(name, &(struct fields){{[1] = buf_string(&dn), [11] = name}, {.subject = buf_string(&subject)}, 0},
           expected);
}

static const struct {
    const char *name, *errors;
} names[] = {
    {"example.ac.jp", ""},
    {"A-1.Example.ac.jp", ""},
    {"xn--eckwd4c7c.example.ac.jp", ""},
    {"other.ac.jp", "901:11"},
    {"notexample.ac.jp", "901:11"},
    {"www.pending.ac.jp", "901:11"},
    {"www.shut.example.ac.jp", "901:11"},
    {"a_b.example.ac.jp", "921:11"},
    {"*.example.ac.jp", "921:11"},
    {"-a.example.ac.jp", "921:11"},
    {"a-.example.ac.jp", "921:11"},
    {"a..example.ac.jp", "921:11"},
    {".example.ac.jp", "921:11"},
    {"www.example.ac.jp.", "921:11"},
    {"a b.example.ac.jp", "921:11"},
    {"ab--c.example.ac.jp", "921:11"},
    {"xn--.example.ac.jp", "921:11"},
    {"xn--99999999.example.ac.jp", "921:11"},
    {"xn--a-ecp.example.ac.jp", "921:11"}, /* gives back something else */
    {"192.0.2.1", "921:11"},
    {"localhost", "921:11"},
    {"2001:db8::1", "921:11"},
    {"1.2.0.192.in-addr.arpa", "929:11"},
    {"1.8.b.d.0.1.0.0.2.ip6.arpa", "929:11"},
    {"www.home.arpa", "929:11"},
    {"www.example", "929:11"},
    {"www.test", "929:11"},
    {"www.invalid", "929:11"},
    {"www.localhost", "929:11"},
    {"printer.LOCAL", "929:11"},
    {"intra.internal", "929:11"},
    {"expyuzz4wqqyqhjn.onion", "929:11"},
    {"www.lan", "929:11"},
    {"mail.corp", "929:11"},
    {"0x7f.0x1", "929:11"},
    {"ac.jp", "929:11"},
    {"AC.JP", "929:11"},
    {"kawasaki.jp", "929:11"},
    {"any.kawasaki.jp", "929:11"},  /* *.kawasaki.jp */
    {"city.kawasaki.jp", "901:11"}, /* !city.kawasaki.jp */
    {"com", "921:11"},
    {"xn--p1ai", "921:11"},
    {"www.xn--p1ai", "901:11"},
    {"example.github.io", "901:11"}, /* below a suffix that is not ICANN's */
    {"*.ac.jp", "921:11"},
    {"*.jp", "921:11"},
    {"w*.example.ac.jp", "921:11"},
    {"xn--a.example.ac.jp", "921:11"},    /* no Punycode */
    {"xn--ls8h.example.ac.jp", "921:11"}, /* U+1F4A9: valid in IDNA2003 only */
    {"xn--fa-hia.example.ac.jp", ""},     /* with U+00DF, not mapped to "ss" */
    {"xn--wgv71a119e.example.ac.jp", ""},
    {"xn--WGV71A119E.example.ac.jp", ""},
    {"xn--wgv71a119eq.example.ac.jp", "921:11"},
    {"xn--www-.example.ac.jp", "921:11"}, /* ASCII in disguise */
    {"r3---sn.example.ac.jp", "921:11"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.ac.jp", ""}, /* 64 */
};

static void test_names(void **state) {
    (void) state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        expect_name(names[i].name, names[i].errors);
    char label[80];
    (void) snprintf(label, sizeof(label), "%.*s.jp", 64, A50 A50);
    char reason[NAME_REASON_MAX];
    assert_false(name_is_host(label, reason));
    assert_string_equal(reason, "64 > 63");

    static const struct expectation rows[] = {
        {"921 CN of 65, 202 FQDN",
         {{[1] = "CN=b" A50 ".example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP", [11] = "b" A50 ".example.ac.jp"},
          {0},
          0},
         "917:7 202:11 921:11"},
        {"920", {{[11] = "ftp.example.ac.jp"}, {0}, 0}, "920:11"},
        {"920 case", {{[11] = "WWW.example.ac.jp"}, {0}, 0}, "920:11"},
        {"921 FQDN", {{[11] = "ftp"}, {0}, 0}, "921:11 920:11"},
        {"901 dNSName",
         {{[13] = "dNSName=a.example.ac.jp,dNSName=a.other.jp,dNSName=b.other.jp"}, {0}, 0},
         "901:13 901:13"},
        {"921 dNSName", {{[13] = "dNSName=*.example.ac.jp"}, {0}, 0}, "921:13"},
        {"929 dNSName", {{[13] = "dNSName=a.internal,dNSName=ac.jp"}, {0}, 0}, "929:13 929:13"},
        {"929 FQDN", {{[11] = "www.internal"}, {0}, 0}, "929:11 920:11"},
        {"922 comma", {{[13] = "dNSName=a.example.ac.jp,"}, {0}, 0}, "922:13"},
        {"922 prefix", {{[13] = "a.example.ac.jp"}, {0}, 0}, "922:13"},
        {"922 blank", {{[13] = "dNSName=a.example.ac.jp, dNSName=b.example.ac.jp"}, {0}, 0}, "922:13"},
        {"922 empty", {{[13] = "dNSName="}, {0}, 0}, "922:13"},
        {"923",
         {{[13] = "dNSName=a.example.jp,dNSName=b.example.jp,dNSName=c.example.jp,dNSName=d.example.jp,dNSName=e."
                  "example.jp,"
                  "dNSName=f.example.jp,dNSName=g.example.jp,dNSName=h.example.jp,dNSName=i.example.jp"},
          {0},
          0},
         "923:13"},
        {"924", {{[13] = "dNSName=a.example.ac.jp,dNSName=A.example.ac.jp"}, {0}, 0}, "924:13"},
        {"202 with the FQDN",
         {{[13] =
               "dNSName=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.ac.jp,"
               "dNSName=baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.ac.jp,"
               "dNSName=caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.ac.jp,dNSName=dddddd.example.ac.jp"},
          {0},
          0},
         "202:13"},
    };
    expect_all(rows, ARRAY_SIZE(rows));
}

static void test_name_list(void **state) {
    (void) state;
    struct row row = {0};
    _cleanup_buf_ struct buf line = {0};
    add_row(&line, &(struct fields){
                       {[13] = "dNSName=b.example.jp,dNSName=www.example.ac.jp,dNSName=A.example.ac.jp"}, {0}, 0});
    row_check(&row, &rules, (uint8_t *) line.data, line.len);
    assert_false(problems_any(&row.problems));
    assert_string_equal(buf_string(&row.names), "www.example.ac.jp,b.example.jp,a.example.ac.jp");
    assert_string_equal(buf_string(&row.domains), "1,2");
    assert_string_equal(row.match_key, "www.example.ac.jp");
    assert_string_equal(row_text(&row, TSV_FIELD_MANAGER_NAME), "国立　太郎");
    assert_int_equal(row.profile, 3);

    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(requests_key(RSA2048), &spki);
    assert_int_equal(row.csr.spki_len, len);
    assert_memory_equal(row.csr.spki, spki, (size_t) len);
    OPENSSL_free(spki);
    row_done(&row);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dn, rows_begin, rows_end),
        cmocka_unit_test_setup_teardown(test_ous, rows_begin, rows_end),
        cmocka_unit_test_setup_teardown(test_names, rows_begin, rows_end),
        cmocka_unit_test_setup_teardown(test_name_list, rows_begin, rows_end),
    };
    return cmocka_run_group_tests(tests, rows_open, rows_close);
}
