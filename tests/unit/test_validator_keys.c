/* Every error of a row's CSR and key, and the list of Debian's keys. */
#include <errno.h>
#include <openssl/bn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "rows.h"
#include "services/validator/key_list.h"

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
    assert_int_equal(BN_hex2bn(&n, requests_debian), 512);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_csr, rows_begin, rows_end),
        cmocka_unit_test(test_weak_list), /* the last: it reads another list */
    };
    return cmocka_run_group_tests(tests, rows_open, rows_close);
}
