/* Every error that one row can have, each provoked by a row of its own with real CSRs, and the order of several. */
#include <errno.h>
#include <iconv.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "services/validator/cp932.h"
#include "services/validator/key_list.h"
#include "services/validator/row.h"

#define DN "CN=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"
#define SUBJECT "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum key {
    RSA2048,
    RSA2048_B,
    RSA1024,
    RSA4096,
    RSA_E3,
    RSA_E_LARGE,
    P384,
    P256,
    ED25519,
    SMALL_FACTOR,
    ROCA,
    FERMAT,
    EVEN,
    DEBIAN,
    DEBIAN_B,
    SQUARE,
    CUBE,
    POWER,
    KEYS
};
static EVP_PKEY *keys[KEYS];

/* Published keys of Debian's broken generator: of Boulder's tests and of badkeys'. */
static const char debian[] =
    "D673252AF6723C3F72529403EAB7C30DEF3C52F97E799825F4A70191C616ADCF1ECE1113F1625971074C492C592025FD"
    "EADBDB146A081826BDF0D77C3C913DCF1B6F0B3B78F5108D2E493AD0EEE8CA5C021711ADC13D358E61133870FCD19C8E"
    "5C22403959782AA82E72AEE53A3D491E3912CE27B27E1A85EA69C19A527D28F7934C9823B7E56FDD657DAC83FDC65BB2"
    "2A98D843DF73238919781B714C81A5E2AFEC71F5C54AA2A27C590AD94C03C1062D50EFCFFAC743E3C8A3AE056846A1D7"
    "56EB862BF4224169D467C35215ADE0AFCC11E85FE629AFB802C4786FF2E9C929BCCF502B3D3B8876C6A11785CC398B38"
    "9F1D86BDD9CB0BD4EC13956EC3FA270D";
static const char debian_b[] =
    "C096530C4C4A343FC388FF8B6E14C88B617485966DD0F757F3DECB2F03DFDFE6F518E0948F5387059BD5AA124F26D38F"
    "139DD6EBC234360561689758E9B14E03F714508167374CBF64E24E26C3CD95ED5A5D04E3C404BE157BB8090E9ADA9CDC"
    "53EF7E806C1E77B5F10242150A24E9ADF991088DAF20A75BEB54BC91FE43DD8755447FD3ABDEFB9F1C987A8B04198245"
    "04E213F8DD26A9C6B7ED2F2103D8422720F7A7400CE34743E4CE40440C69013EFEA2A39790FCDFCCBB424DA1D824ADFE"
    "58071ED76D41AF836E4093EA60F5719E250FA214F8631153A81EEFC17D82E3F819DA57691ED9602550074FDEA73AC9E5"
    "CFE10F6B91ADC31B402C3E370B03A559";

static const struct name_domain domains[] = {
    {1, "example.ac.jp", true}, {2, "example.jp", true}, {3, "pending.ac.jp", false}, {4, "shut.example.ac.jp", false}};
static struct policy policy = {
    .profiles = {{3, POLICY_KEY_RSA, 2048, "RSA 2048"}, {11, POLICY_KEY_EC, 384, "ECDSA P-384 (secp384r1)"}},
    .profiles_count = 2,
    .locality = true,
    .state_or_province = true,
    .names_max = 8,
};
static struct row_rules rules = {.policy = &policy,
                                 .o = "testkikan",
                                 .st = "Tokyo",
                                 .l = "Chiyoda-ku",
                                 .domains = domains,
                                 .domains_count = ARRAY_SIZE(domains)};

/* ---- keys and requests */

static EVP_PKEY *rsa_with_exponent(unsigned bits, unsigned long exponent) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    assert_true(BN_set_word(e, exponent));
    assert_true(EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int) bits) > 0 &&
                EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0 && EVP_PKEY_generate(ctx, &key) > 0);
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* A public key that nobody holds: its request is signed by another one. */
static EVP_PKEY *rsa_of_modulus(const BIGNUM *n) {
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *e = BN_new();
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_true(BN_set_word(e, 65537) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    assert_true(EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    return key;
}

static bool has_small_factor(const BIGNUM *n) {
    for (unsigned d = 2; d < 752; d++)
        if (BN_mod_word(n, d) == 0)
            return true;
    return false;
}

static EVP_PKEY *weak_key(enum key kind) {
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new(), *a = BN_new(), *b = BN_new();
    if (kind == SMALL_FACTOR) {
        do
            assert_true(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD));
        while (BN_mod_word(n, 3) == 0 || BN_mod_word(n, 5) == 0 || BN_mod_word(n, 7) != 0);
    } else if (kind == EVEN) {
        assert_true(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY) && BN_clear_bit(n, 0));
    } else if (kind == DEBIAN || kind == DEBIAN_B) {
        assert_int_equal(BN_hex2bn(&n, kind == DEBIAN ? debian : debian_b), 512);
    } else if (kind == SQUARE) {
        assert_true(BN_generate_prime_ex(a, 1024, 0, NULL, NULL, NULL) && BN_sqr(n, a, ctx));
    } else if (kind == CUBE) {
        do
            assert_true(BN_generate_prime_ex(a, 683, 0, NULL, NULL, NULL) && BN_sqr(n, a, ctx) && BN_mul(n, n, a, ctx));
        while (BN_num_bits(n) != 2048);
    } else if (kind == POWER) {
        assert_true(BN_set_word(a, 1249) && BN_set_word(b, 199) && BN_exp(n, a, b, ctx)); /* 2048 bits, of primes */
    } else if (kind == FERMAT) {
        do {
            assert_true(BN_rand(a, 1024, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) && BN_set_word(b, 4096));
            assert_true(BN_sqr(n, a, ctx) && BN_sqr(b, b, ctx) && BN_sub(n, n, b));
        } while (has_small_factor(n));
    } else {
        /* k M + 65537^x with M the product of the first primes, as the chips made them */
        assert_true(BN_one(a) && BN_set_word(b, 65537));
        for (unsigned prime = 2; prime <= 701; prime++) {
            bool is_prime = true;
            for (unsigned d = 2; d * d <= prime; d++)
                is_prime = is_prime && prime % d != 0;
            if (is_prime)
                assert_true(BN_mul_word(a, prime));
        }
        BIGNUM *x = BN_new();
        do {
            assert_true(BN_rand(x, 200, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) && BN_mod_exp(n, b, x, a, ctx));
            assert_true(BN_rand(x, 2048 - BN_num_bits(a), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY) &&
                        BN_mul(x, x, a, ctx) && BN_add(n, n, x));
        } while (has_small_factor(n) || BN_num_bits(n) != 2048);
        BN_free(x);
    }
    EVP_PKEY *key = rsa_of_modulus(n);
    BN_free(n);
    BN_free(a);
    BN_free(b);
    BN_CTX_free(ctx);
    return key;
}

static int make_keys(void **state) {
    (void) state;
    assert_int_equal(cp932_open(), 0);
    assert_int_equal(name_open(), 0);
    _cleanup_buf_ struct buf path = {0}, errors = {0};
    buf_printf(&path, "%s/deploy/debian-weak-keys.txt", getenv("INKAN_SOURCE"));
    assert_int_equal(key_list_open(path.data, &errors), 0);
    assert_int_equal(key_list_count(), 16);
    rules.format = tsv_format("server-issue");
    keys[RSA2048] = EVP_RSA_gen(2048);
    keys[RSA2048_B] = EVP_RSA_gen(2048);
    keys[RSA1024] = EVP_RSA_gen(1024);
    keys[RSA4096] = EVP_RSA_gen(4096);
    keys[RSA_E3] = rsa_with_exponent(2048, 3);
    keys[RSA_E_LARGE] = rsa_with_exponent(2048, 65539);
    keys[P384] = EVP_EC_gen("P-384");
    keys[P256] = EVP_EC_gen("P-256");
    keys[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (enum key k = SMALL_FACTOR; k < KEYS; k++)
        keys[k] = weak_key(k);
    for (size_t i = 0; i < KEYS; i++)
        assert_non_null(keys[i]);
    return 0;
}

static int free_keys(void **state) {
    (void) state;
    for (size_t i = 0; i < KEYS; i++)
        EVP_PKEY_free(keys[i]);
    key_list_done();
    name_close();
    return 0;
}

struct request {
    enum key key;
    const char *subject; /* "C=JP|ST=…"; "+" before a name puts it into the RDN before */
    const EVP_MD *(*digest)(void);
    bool broken_signature;
    bool version_2;
    const char *tail; /* after the DER */
    int string;       /* type of all values; 0: as OpenSSL chooses. "~" stands for NUL */
};

/* One value in a string type, most of which OpenSSL does not write by itself. */
static void add_value(X509_NAME *name, const char *attribute, const char *value, int type, int set) {
    unsigned char bytes[400];
    size_t width = type == V_ASN1_BMPSTRING ? 2 : type == V_ASN1_UNIVERSALSTRING ? 4 : 1, len = 0;
    for (const char *p = value; *p; p++) {
        for (size_t i = 1; i < width; i++)
            bytes[len++] = 0;
        bytes[len++] = *p == '~' ? '\0' : (unsigned char) *p;
    }
    assert_true(X509_NAME_add_entry_by_txt(name, attribute, type ? type : MBSTRING_UTF8, bytes, (int) len, -1, set));
}

static X509_REQ *request_build(const struct request *r) {
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(req);
    char *copy = strdup(r->subject), *save = NULL;
    for (char *p = strtok_r(copy, "|", &save); p; p = strtok_r(NULL, "|", &save)) {
        int set = *p == '+' ? -1 : 0;
        p += set ? 1 : 0;
        char *value = strchr(p, '=');
        *value++ = '\0';
        add_value(name, p, value, r->string, set);
    }
    free(copy);
    assert_true(X509_REQ_set_pubkey(req, keys[r->key]) && X509_REQ_set_version(req, r->version_2 ? 1 : 0));
    EVP_PKEY *signer = keys[r->key >= SMALL_FACTOR ? RSA2048 : r->key];
    assert_true(X509_REQ_sign(req, signer, r->key == ED25519 ? NULL : r->digest ? r->digest() : EVP_sha256()) > 0);
    return req;
}

static char *request_text(const struct request *r) {
    X509_REQ *req = request_build(r);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    struct buf bytes = {0}, text = {0};
    assert_true(len > 0);
    if (r->broken_signature)
        der[len - 20] ^= 1;
    buf_add(&bytes, der, (size_t) len);
    buf_text(&bytes, r->tail ? r->tail : "");
    text_base64(&text, bytes.data, bytes.len);
    buf_done(&bytes);
    OPENSSL_free(der);
    X509_REQ_free(req);
    return buf_steal(&text);
}

/* ---- rows */

struct fields {
    const char *column[20]; /* from 1; NULL: as in a good row; "" empty */
    struct request request; /* subject NULL: as in a good row */
    size_t columns;         /* 0: 13 */
};

static char *to_cp932(const char *utf8, size_t *ret_len) {
    size_t left = strlen(utf8), room = 2 * left + 1;
    char *out = malloc(room), *to = out, *from = (char *) (uintptr_t) utf8;
    iconv_t cd = iconv_open("CP932", "UTF-8");
    assert_int_equal(iconv(cd, &from, &left, &to, &room), 0);
    (void) iconv_close(cd);
    *ret_len = (size_t) (to - out);
    return out;
}

static void add_row(struct buf *to, const struct fields *f) {
    static const char *const good[] = {NULL,
                                       DN,
                                       "3",
                                       "",
                                       "",
                                       "",
                                       "",
                                       NULL,
                                       "国立　太郎",
                                       "情報基盤センター",
                                       "taro@example.ac.jp",
                                       "www.example.ac.jp",
                                       "Apache 2.4",
                                       ""};
    struct request request = f->request;
    if (!request.subject)
        request.subject = SUBJECT;
    _cleanup_free_
    char *csr = f->column[7] ? NULL : request_text(&request);
    for (size_t i = 1; i <= (f->columns ? f->columns : 13); i++) {
        const char *text = f->column[i] ? f->column[i] : i == 7 ? csr : i <= 13 ? good[i] : "";
        size_t len = 0;
        _cleanup_free_
        char *bytes = to_cp932(text, &len);
        if (i > 1)
            buf_char(to, '\t');
        buf_add(to, bytes, len);
    }
}

static void add_errors(struct buf *to, const struct row *row) {
    size_t i;
    json_t *e;
    assert_false(row->failed);
    json_array_foreach(row->problems.list, i, e) {
        buf_printf(to, "%s%d:%d", i ? " " : "", (int) json_integer_value(json_object_get(e, "code")),
                   (int) json_integer_value(json_object_get(e, "column")));
    }
}

static int wrong; /* rows of the running test that were not as expected: all are shown, not only the first */

static int begin(void **state) {
    (void) state;
    wrong = 0;
    return 0;
}

static int end(void **state) {
    (void) state;
    return wrong == 0 ? 0 : -1;
}

static void expect_line(const char *what, const void *line, size_t len, const char *expected) {
    struct row row = {0};
    row_check(&row, &rules, line, len);
    _cleanup_buf_ struct buf found = {0};
    add_errors(&found, &row);
    if (strcmp(buf_string(&found), expected) != 0) {
        char *dump = problems_dump(&row.problems);
        print_error("%s: expected \"%s\", found %s\n", what, expected, dump);
        free(dump);
    }
    wrong += strcmp(buf_string(&found), expected) != 0;
    row_done(&row);
}

static void expect(const char *what, const struct fields *f, const char *expected) {
    _cleanup_buf_ struct buf line = {0};
    add_row(&line, f);
    expect_line(what, line.data, line.len, expected);
}

struct expectation {
    const char *what;
    struct fields row;
    const char *errors; /* "code:column …" */
};

static void expect_all(const struct expectation *e, size_t n) {
    for (size_t i = 0; i < n; i++)
        expect(e[i].what, &e[i].row, e[i].errors);
}

/* ---- tests */

static void test_good_rows(void **state) {
    (void) state;
    static const struct expectation rows[] = {
        {"RSA", {{NULL}, {.key = RSA2048}, 0}, ""},
        {"P-384", {{[2] = "11"}, {.key = P384, .digest = EVP_sha384}, 0}, ""},
        {"subject from CN to C",
         {{NULL}, {.subject = "CN=www.example.ac.jp|O=testkikan|L=Chiyoda-ku|ST=Tokyo|C=JP"}, 0},
         ""},
        {"SHA-1", {{NULL}, {.digest = EVP_sha1}, 0}, ""},
        {"blanks around names", {{[1] = "CN=www.example.ac.jp, O =testkikan, L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0}, ""},
        {"optional columns empty", {{[8] = "", [9] = ""}, {0}, 0}, ""},
        {"dNSName left away", {{NULL}, {0}, 12}, ""},
        {"eight names",
         {{[13] = "dNSName=a.example.ac.jp,dNSName=b.example.ac.jp,dNSName=c.example.ac.jp,dNSName=d.example.ac.jp,"
                  "dNSName=e.example.ac.jp,dNSName=f.example.ac.jp,dNSName=g.example.ac.jp,dNSName=example.jp"},
          {0},
          0},
         ""},
    };
    expect_all(rows, ARRAY_SIZE(rows));
}

static void test_columns(void **state) {
    (void) state;
    static const struct expectation rows[] = {
        {"201 DN", {{[1] = ""}, {0}, 0}, "201:1"},
        {"201 profile", {{[2] = ""}, {0}, 0}, "201:2"},
        {"201 CSR", {{[7] = ""}, {0}, 0}, "201:7"},
        {"201 mail", {{[10] = ""}, {0}, 0}, "201:10"},
        {"201 FQDN", {{[11] = ""}, {0}, 0}, "201:11"},
        {"201 software", {{[12] = ""}, {0}, 0}, "201:12"},
        {"202 profile", {{[2] = "333"}, {0}, 0}, "202:2 913:2"},
        {"202 name",
         {{[8] = "一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇"
                 "一二三四五六七八九〇一二三四五六七八九〇一二三四五"},
          {0},
          0},
         "202:8"},
        {"64 characters, not bytes",
         {{[8] = "一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇"
                 "一二三四五六七八九〇一二三四五六七八九〇一二三四"},
          {0},
          0},
         ""},
        {"202 software", {{[12] = A50 A50 A50}, {0}, 0}, "202:12"},
        {"202 mail",
         {{[10] = "taro@" A50 "."
                  "aaaaaaaaaaaaaaaaaaaa.jp"},
          {0},
          0},
         "202:10"},
        {"204", {{[2] = "3a"}, {0}, 0}, "204:2"},
        {"204 full-width", {{[2] = "３"}, {0}, 0}, "204:2"},
        {"205 base64", {{[7] = "-----BEGIN"}, {0}, 0}, "205:7"},
        {"205 full-width in mail", {{[10] = "太郎@example.ac.jp"}, {0}, 0}, "205:10"},
        {"205 half-width kana", {{[8] = "ﾀﾛｳ"}, {0}, 0}, "205:8"},
        {"205 NEC row 13", {{[9] = "第①課"}, {0}, 0}, "205:9"},
        {"205 IBM extension", {{[8] = "髙橋"}, {0}, 0}, "205:8"},
        {"205 private use", {{[8] = "\xEE\x80\x80"}, {0}, 0}, "205:8"},
        {"205 control", {{[12] = "a\001b"}, {0}, 0}, "205:12"},
        {"level 2 kanji and symbols", {{[8] = "熙～―", [9] = "Ａγカ"}, {0}, 0}, ""},
        {"206 mail without @", {{[10] = "taro.example.ac.jp"}, {0}, 0}, "206:10"},
        {"206 mail host", {{[10] = "taro@localhost"}, {0}, 0}, "206:10"},
        {"206 mail dots", {{[10] = "ta..ro@example.ac.jp"}, {0}, 0}, "206:10"},
        {"206 two mails", {{[10] = "a@example.jp,b@example.jp"}, {0}, 0}, "206:10"},
        {"911 too few", {{NULL}, {0}, 11}, "911:0"},
        {"911 too many", {{NULL}, {0}, 14}, "911:0"},
        {"912", {{[3] = "x", [6] = "y"}, {0}, 0}, "912:3 912:6"},
        {"913", {{[2] = "5"}, {0}, 0}, "913:2"},
        {"913 leading zero", {{[2] = "03"}, {0}, 0}, "913:2"},
    };
    expect_all(rows, ARRAY_SIZE(rows));
}

static void test_encoding(void **state) {
    (void) state;
    _cleanup_buf_ struct buf line = {0};
    add_row(&line, &(struct fields){.column = {[8] = "X"}});
    char *x = strstr(line.data, "\tX\t");
    x[1] = (char) 0xFD;
    expect_line("910 no character", line.data, line.len, "910:8");
    x[1] = (char) 0x81; /* a lead byte before a TAB */
    expect_line("910 half a character", line.data, line.len, "910:8");

    static const char utf8[] = DN "\t3\t\t\t\t\tAAAA\t国立太郎\t\ttaro@example.ac.jp\twww.example.ac.jp\tApache\t";
    expect_line("910 UTF-8", utf8, sizeof(utf8) - 1, "910:0 914:7");
    static const char bom[] =
        "\xEF\xBB\xBF" DN "\t3\t\t\t\t\tAAAA\t\t\ttaro@example.ac.jp\twww.example.ac.jp\tApache\t";
    expect_line("910 BOM", bom, sizeof(bom) - 1, "910:0 914:7");
    expect_line("NUL", "a\0b", 3, "911:0 205:1 206:1");
    expect_line("empty", "", 0, "911:0 201:1");
}

/* Whatever a column takes can be seen: no control, format, separator, private or unassigned character of Unicode. */
static void test_every_character(void **state) {
    (void) state;
    int taken = 0;
    for (unsigned code = 0; code < 0x10000; code++) {
        uint8_t bytes[2] = {(uint8_t) (code >> 8), (uint8_t) code};
        size_t skip = code < 0x100 ? 1 : 0;
        uint32_t c = 0;
        enum cp932_kind kind = CP932_CONTROL;
        if (cp932_next(bytes + skip, 2 - skip, &c, &kind) != 2 - skip || (kind != CP932_ASCII && kind != CP932_FULL))
            continue;
        taken++;
        if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp))
            fail_msg("%04X: U+%04X", code, c);
    }
    assert_int_equal(taken, 95 + 6879); /* ASCII, JIS X 0208 */
}

static void test_dn(void **state) {
    (void) state;
    static const struct expectation rows[] = {
        {"206 order", {{[1] = "C=JP,ST=Tokyo,L=Chiyoda-ku,O=testkikan,CN=www.example.ac.jp"}, {0}, 0}, "206:1"},
        {"206 missing",
         {{[1] = "CN=www.example.ac.jp,O=testkikan,ST=Tokyo,C=JP"},
          {.subject = "C=JP|ST=Tokyo|O=testkikan|CN=www.example.ac.jp"},
          0},
         "206:1"},
        {"206 empty", {{[1] = "CN=www.example.ac.jp,O=testkikan,L=,ST=Tokyo,C=JP"}, {0}, 0}, "206:1 905:1 917:7"},
        {"206 no DN", {{[1] = "www.example.ac.jp"}, {0}, 0}, "206:1 917:7"},
        {"206 lower case",
         {{[1] = "cn=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0},
         "206:1 917:7"},
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
         {{[1] = "CN=www.example.ac.jp,O=.,L=n/a,ST= -,C=JP"},
          {.subject = "C=JP|ST= -|L=n/a|O=.|CN=www.example.ac.jp"},
          0},
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
    expect_all(rows, ARRAY_SIZE(rows));

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

    rules.expired = rules.policy_changed = true;
    expect("902, 942", &(struct fields){{[2] = "4"}, {0}, 0}, "902:0 942:0 913:2");
    rules.expired = rules.policy_changed = false;
}

/* A row whose CN, CSR and FQDN are all this name. */
static void expect_name(const char *name, const char *expected) {
    _cleanup_buf_ struct buf dn = {0}, subject = {0};
    buf_printf(&dn, "CN=%s,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP", name);
    buf_printf(&subject, "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|CN=%s", name);
    expect(name, &(struct fields){{[1] = buf_string(&dn), [11] = name}, {.subject = buf_string(&subject)}, 0},
           expected);
}

static void test_names(void **state) {
    (void) state;
    expect_name("example.ac.jp", "");
    expect_name("A-1.Example.ac.jp", "");
    expect_name("xn--eckwd4c7c.example.ac.jp", "");
    expect_name("other.ac.jp", "901:11");
    expect_name("notexample.ac.jp", "901:11");
    expect_name("www.pending.ac.jp", "901:11");
    expect_name("www.shut.example.ac.jp", "901:11");
    expect_name("a_b.example.ac.jp", "921:11");
    expect_name("*.example.ac.jp", "921:11");
    expect_name("-a.example.ac.jp", "921:11");
    expect_name("a-.example.ac.jp", "921:11");
    expect_name("a..example.ac.jp", "921:11");
    expect_name(".example.ac.jp", "921:11");
    expect_name("www.example.ac.jp.", "921:11");
    expect_name("a b.example.ac.jp", "921:11");
    expect_name("ab--c.example.ac.jp", "921:11");
    expect_name("xn--.example.ac.jp", "921:11");
    expect_name("xn--99999999.example.ac.jp", "921:11");
    expect_name("xn--a-ecp.example.ac.jp", "921:11"); /* gives back something else */
    expect_name("192.0.2.1", "921:11");
    expect_name("localhost", "921:11");
    expect_name("2001:db8::1", "921:11");
    expect_name("1.2.0.192.in-addr.arpa", "929:11");
    expect_name("1.8.b.d.0.1.0.0.2.ip6.arpa", "929:11");
    expect_name("www.home.arpa", "929:11");
    expect_name("www.example", "929:11");
    expect_name("www.test", "929:11");
    expect_name("www.invalid", "929:11");
    expect_name("www.localhost", "929:11");
    expect_name("printer.LOCAL", "929:11");
    expect_name("intra.internal", "929:11");
    expect_name("expyuzz4wqqyqhjn.onion", "929:11");
    expect_name("www.lan", "929:11");
    expect_name("mail.corp", "929:11");
    expect_name("0x7f.0x1", "929:11");
    expect_name("ac.jp", "929:11");
    expect_name("AC.JP", "929:11");
    expect_name("kawasaki.jp", "929:11");
    expect_name("any.kawasaki.jp", "929:11");  /* *.kawasaki.jp */
    expect_name("city.kawasaki.jp", "901:11"); /* !city.kawasaki.jp */
    expect_name("com", "921:11");
    expect_name("xn--p1ai", "921:11");
    expect_name("www.xn--p1ai", "901:11");
    expect_name("example.github.io", "901:11"); /* below a suffix that is not ICANN's */
    expect_name("*.ac.jp", "921:11");
    expect_name("*.jp", "921:11");
    expect_name("w*.example.ac.jp", "921:11");
    expect_name("xn--a.example.ac.jp", "921:11");    /* no Punycode */
    expect_name("xn--ls8h.example.ac.jp", "921:11"); /* U+1F4A9: valid in IDNA2003 only */
    expect_name("xn--fa-hia.example.ac.jp", "");     /* with U+00DF, not mapped to "ss" */
    expect_name("xn--wgv71a119e.example.ac.jp", "");
    expect_name("xn--WGV71A119E.example.ac.jp", "");
    expect_name("xn--wgv71a119eq.example.ac.jp", "921:11");
    expect_name("xn--www-.example.ac.jp", "921:11"); /* ASCII in disguise */
    expect_name("r3---sn.example.ac.jp", "921:11");
    expect_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.ac.jp", ""); /* 64 */
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
    int len = i2d_PUBKEY(keys[RSA2048], &spki);
    assert_int_equal(row.csr.spki_len, len);
    assert_memory_equal(row.csr.spki, spki, (size_t) len);
    OPENSSL_free(spki);
    row_done(&row);
}

static void test_csr(void **state) {
    (void) state;
    static const struct expectation rows[] = {
        {"914 base64", {{[7] = "AAA"}, {0}, 0}, "914:7"},
        {"914 no request", {{[7] = "AAAA"}, {0}, 0}, "914:7"},
        {"914 tail", {{NULL}, {.tail = "x"}, 0}, "914:7"},
        {"914 version", {{NULL}, {.version_2 = true}, 0}, "914:7"},
        {"915", {{NULL}, {.broken_signature = true}, 0}, "915:7"},
        {"915 MD5", {{NULL}, {.digest = EVP_md5}, 0}, "915:7"},
        {"916 RSA 1024", {{NULL}, {.key = RSA1024}, 0}, "916:7"},
        {"916 RSA 4096", {{NULL}, {.key = RSA4096}, 0}, "916:7"},
        {"916 exponent", {{NULL}, {.key = RSA_E_LARGE}, 0}, "916:7"},
        {"916 P-384 for 3", {{NULL}, {.key = P384}, 0}, "916:7"},
        {"916 RSA for 11", {{[2] = "11"}, {.key = RSA2048}, 0}, "916:7"},
        {"916 P-256 for 11", {{[2] = "11"}, {.key = P256}, 0}, "916:7"},
        {"916 Ed25519", {{NULL}, {.key = ED25519}, 0}, "916:7"},
        {"919 e = 3", {{NULL}, {.key = RSA_E3}, 0}, "919:7"},
        {"919 small factor", {{NULL}, {.key = SMALL_FACTOR}, 0}, "919:7 915:7"},
        {"919 ROCA", {{NULL}, {.key = ROCA}, 0}, "919:7 915:7"},
        {"919 Fermat", {{NULL}, {.key = FERMAT}, 0}, "919:7 915:7"},
        {"919 Debian", {{NULL}, {.key = DEBIAN}, 0}, "919:7 915:7"},
        {"919 Debian, another", {{NULL}, {.key = DEBIAN_B}, 0}, "919:7 915:7"},
        {"919 even", {{NULL}, {.key = EVEN}, 0}, "919:7 915:7"},
        {"919 square", {{NULL}, {.key = SQUARE}, 0}, "919:7 915:7"},
        {"919 cube", {{NULL}, {.key = CUBE}, 0}, "919:7 915:7"},
        {"919 prime power", {{NULL}, {.key = POWER}, 0}, "919:7 915:7"},
        {"917 value", {{NULL}, {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=Testkikan|CN=www.example.ac.jp"}, 0}, "917:7"},
        {"917 missing", {{NULL}, {.subject = "C=JP|ST=Tokyo|O=testkikan|CN=www.example.ac.jp"}, 0}, "917:7"},
        {"917 more", {{NULL}, {.subject = SUBJECT "|emailAddress=a@example.jp"}, 0}, "917:7"},
        {"917 twice", {{NULL}, {.subject = SUBJECT "|CN=www.example.ac.jp"}, 0}, "917:7"},
        {"917 order", {{NULL}, {.subject = "ST=Tokyo|C=JP|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"}, 0}, "917:7"},
        {"917 two in one RDN",
         {{NULL}, {.subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|+CN=www.example.ac.jp"}, 0},
         "917:7"},
        {"917 empty", {{NULL}, {.subject = "C=JP"}, 0}, "917:7"},
        {"928",
         {{NULL}, {.subject = "C=JP|ST=Tokyo|L=Default City|O=testkikan|CN=www.example.ac.jp"}, 0},
         "917:7 928:7"},
        {"BMPString", {{NULL}, {.string = V_ASN1_BMPSTRING}, 0}, ""},
        {"UniversalString", {{NULL}, {.string = V_ASN1_UNIVERSALSTRING}, 0}, ""},
        {"TeletexString", {{NULL}, {.string = V_ASN1_T61STRING}, 0}, ""},
        {"917 BMPString",
         {{NULL},
          {.string = V_ASN1_BMPSTRING, .subject = "C=JP|ST=Osaka|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"},
          0},
         "917:7"},
        {"917 TeletexString",
         {{NULL},
          {.string = V_ASN1_T61STRING, .subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan\xE9|CN=www.example.ac.jp"},
          0},
         "917:7"},
        {"917 NUL",
         {{NULL},
          {.string = V_ASN1_UTF8STRING,
           .subject = "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp~.other.jp"},
          0},
         "917:7"},
        {"928 nothing",
         {{NULL}, {.subject = "C=JP|ST=-|L=N/A|O=testkikan|CN=www.example.ac.jp"}, 0},
         "917:7 928:7 928:7"},
        {"202 of an RSA 4096", {{[7] = A50}, {0}, 0}, "914:7"},
    };
    expect_all(rows, ARRAY_SIZE(rows));

    _cleanup_free_
    char *large = calloc(1, 2053);
    memset(large, 'A', 2052);
    expect("202 CSR", &(struct fields){{[7] = large}, {0}, 0}, "202:7 914:7");
}

static int open_list(const char *text, struct buf *errors) {
    char path[] = "/tmp/inkan-weak-keys-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
    (void) close(fd);
    buf_reset(errors);
    int r = key_list_open(path, errors);
    (void) unlink(path);
    return r;
}

/* Lists that are none keep the validator from starting, and do not take the place of the one that was read. */
static void test_weak_list(void **state) {
    (void) state;
    static const char *const wrong_lists[] = {"",
                                              "# nothing\n\n",
                                              "8df20e6961a16398b85\n",
                                              "8df20e6961a16398b85a0\n",
                                              "8df20e6961a16398b85g\n",
                                              "8df20e6961a16398b85a 8df20e6961a16398b85a\n"};
    _cleanup_buf_ struct buf errors = {0};
    for (size_t i = 0; i < ARRAY_SIZE(wrong_lists); i++) {
        assert_int_equal(open_list(wrong_lists[i], &errors), -EINVAL);
        assert_true(errors.len > 0);
    }
    assert_int_equal(key_list_open("/nonexistent", &errors), -EINVAL);
    assert_int_equal(key_list_count(), 16);

    BIGNUM *n = NULL;
    assert_int_equal(BN_hex2bn(&n, debian), 512);
    assert_int_equal(key_list_has(n), 1);
    assert_int_equal(open_list("# Debian's\r\nffffffffffffffffffff\r\n8DF20E6961A16398B85A # ours\n"
                               "00000000000000000000",
                               &errors),
                     0);
    assert_int_equal(key_list_count(), 3);
    assert_int_equal(key_list_has(n), 1);
    assert_true(BN_add_word(n, 2));
    assert_int_equal(key_list_has(n), 0);
    BN_free(n);
}

/* All errors of a row, in column order. */
static void test_all_errors(void **state) {
    (void) state;
    expect(
        "a row of errors",
        &(struct fields){{[1] = "CN=a_b.example.ac.jp,O=x,L=y,ST=z,C=US",
                          [2] = "9",
                          [3] = "1",
                          [8] = "ﾀ",
                          [9] = "①",
                          [10] = "taro",
                          [11] = "www.example.ac.jp",
                          [12] = "",
                          [13] = "dNSName=a.other.jp,",
                          [14] = "1"},
                         {.key = RSA1024, .broken_signature = true},
                         14},
        "911:0 241:1 905:1 906:1 927:1 921:1 913:2 912:3 915:7 917:7 205:8 205:9 206:10 920:11 201:12 901:13 922:13");
}

/* A row of another kind of file: its columns as they are. */
static void expect_columns(const char *what, const char *const column[static 13], const char *errors) {
    _cleanup_buf_ struct buf line = {0};
    for (size_t i = 0; i < 13; i++) {
        size_t len = 0;
        _cleanup_free_
        char *bytes = to_cp932(column[i] ? column[i] : "", &len);
        if (i > 0)
            buf_char(&line, '\t');
        buf_add(&line, bytes, len);
    }
    expect_line(what, line.data, line.len, errors);
}

/* Columns of manager-update by their index from 0; what needs the certificate comes later. */
static void test_manager_update(void **state) {
    (void) state;
    static const struct {
        const char *what, *column[13], *errors;
    } rows[] = {
        {"least", {[0] = DN, [3] = "0x1A", [9] = "a@example.ac.jp"}, ""},
        {"all",
         {DN, [3] = "26", [7] = "国立", [8] = "所属", [9] = "a@example.ac.jp", [10] = "www.example.ac.jp",
          [11] = "nginx"},
         ""},
        {"nothing", {NULL}, "201:1 201:4 201:10"},
        {"serial", {[0] = DN, [3] = "1A", [9] = "a@example.ac.jp"}, "930:4"},
        {"mail", {[0] = DN, [3] = "1", [9] = "a@example"}, "206:10"},
        {"long mail", {[0] = DN, [3] = "1", [9] = A50 "@" A50 ".ac.jp"}, "202:10"},
        {"FQDN", {[0] = DN, [3] = "1", [9] = "a@example.ac.jp", [10] = "other.example.ac.jp"}, "920:11"},
        {"no FQDN", {[0] = DN, [3] = "1", [9] = "a@example.ac.jp", [10] = "a_b.example.ac.jp"}, "921:11 920:11"},
        {"reserved",
         {DN, "3", "x", "1", "0", "x", "x", NULL, NULL, "a@example.ac.jp", NULL, NULL, "x"},
         "912:2 912:3 912:5 912:6 912:7 912:13"},
        {"characters",
         {[0] = DN, [3] = "1", [7] = "①", [8] = "ﾀ", [9] = "a@example.ac.jp", [11] = "①"},
         "205:8 205:9 205:12"},
    };
    rules.format = tsv_format("manager-update");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_columns(rows[i].what, rows[i].column, rows[i].errors);
    rules.format = tsv_format("server-issue");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_rows, begin, end),
        cmocka_unit_test_setup_teardown(test_columns, begin, end),
        cmocka_unit_test_setup_teardown(test_encoding, begin, end),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test_setup_teardown(test_dn, begin, end),
        cmocka_unit_test_setup_teardown(test_names, begin, end),
        cmocka_unit_test_setup_teardown(test_name_list, begin, end),
        cmocka_unit_test_setup_teardown(test_csr, begin, end),
        cmocka_unit_test_setup_teardown(test_all_errors, begin, end),
        cmocka_unit_test_setup_teardown(test_manager_update, begin, end),
        cmocka_unit_test(test_weak_list), /* the last: it reads another list */
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
