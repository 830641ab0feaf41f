/* Mails as bytes, their signature, and the tokens of links. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "services/mailer/cms.h"
#include "services/mailer/mime.h"
#include "services/mailer/token.h"

static void test_address(void **state) {
    (void) state;
    static const char *const good[] = {"a@b", "kokuritsu.taro@example.ac.jp", "a+b_c=d@x-y.example",
                                       "o'neil@example.org"};
    static const char *const bad[] = {
        "",        "a",     "@b",    "a@",     "a@b@c",   "a b@c",  "a@b\r\n",       "<a@b>", "a@b,c@d",
        "\"a\"@b", "a@b;c", "a\t@b", "a@日本", "a@b\x7f", "a(c)@b", "a@[127.0.0.1]", "a\\@b", "a:@b"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(mime_address(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(mime_address(bad[i]));
    char longest[256];
    memset(longest, 'a', sizeof(longest));
    longest[1] = '@';
    longest[255] = '\0';
    assert_false(mime_address(longest));
    longest[254] = '\0';
    assert_true(mime_address(longest));
}

static void words_are(const char *text, const char *expected) {
    _cleanup_buf_ struct buf got = {0};
    mime_put_words(&got, text);
    assert_string_equal(buf_string(&got), expected);
}

static void test_words(void **state) {
    (void) state;
    words_are("plain [UPKI] text", "plain [UPKI] text");
    words_are("サーバ", "=?UTF-8?B?44K144O844OQ?=");
    words_are("=?looks like one?=", "=?UTF-8?B?PT9sb29rcyBsaWtlIG9uZT89?=");
    words_are("two\r\nBcc: lines", "=?UTF-8?B?dHdvDQpCY2M6IGxpbmVz?=");
    /* 16 characters of 3 bytes: 45 bytes, then 3. A character is never cut. */
    words_are("あああああああああああああああい",
              "=?UTF-8?B?44GC44GC44GC44GC44GC44GC44GC44GC44GC44GC44GC44GC44GC44GC44GC?=\r\n =?UTF-8?B?44GE?=");
    _cleanup_buf_ struct buf odd = {0};
    mime_put_words(&odd, "xあああああああああああああああいいいいいいいいいいいいいいいいい");
    for (char *word = strtok((char *) (uintptr_t) buf_string(&odd), "\r\n "); word; word = strtok(NULL, "\r\n ")) {
        assert_true(strlen(word) <= 75);
        assert_int_equal(
            EVP_DecodeBlock((unsigned char *) word, (unsigned char *) word + 10, (int) strlen(word) - 12) % 3, 0);
        assert_true(text_is_utf8(word, strlen(word)));
    }
}

/* ---- a signer of our own */

static char directory[] = "/tmp/inkan-mailer-XXXXXX";
static char certificate_path[100], key_path[100];
static X509 *certificate;

static void write_pem(const char *path, EVP_PKEY *key) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(
        key ? PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) : PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int make_signer(void **state) {
    (void) state;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    certificate = X509_new();
    assert_non_null(mkdtemp(directory));
    (void) snprintf(certificate_path, sizeof(certificate_path), "%s/certificate", directory);
    (void) snprintf(key_path, sizeof(key_path), "%s/key", directory);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *) "m", -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "email:from@example.jp");
    X509_add_ext(certificate, name, -1);
    X509_EXTENSION_free(name);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    write_pem(certificate_path, NULL);
    write_pem(key_path, key);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_signer(void **state) {
    (void) state;
    X509_free(certificate);
    return unlink(certificate_path) | unlink(key_path) | rmdir(directory);
}

static int open_signer(struct cms **ret, const char *key, const char *address) {
    char uri[120];
    _cleanup_buf_ struct buf errors = {0};
    (void) snprintf(uri, sizeof(uri), "file:%s", key);
    int r = cms_open(ret, certificate_path, uri, address, &errors);
    assert_int_equal(r == 0, errors.len == 0);
    return r;
}

static void test_signer_must_fit(void **state) {
    (void) state;
    struct cms *cms = NULL;
    char missing[110];
    (void) snprintf(missing, sizeof(missing), "%s.none", key_path);
    assert_int_equal(open_signer(&cms, key_path, "else@example.jp"), -EINVAL);
    assert_int_equal(open_signer(&cms, missing, "from@example.jp"), -ENOENT);
    assert_int_equal(chmod(key_path, 0644), 0);
    assert_int_equal(open_signer(&cms, key_path, "from@example.jp"), -EACCES);
    assert_int_equal(chmod(key_path, 0600), 0);
}

static const struct mail example = {.from_name = "電子証明書自動発行支援システム",
                                    .from_address = "from@example.jp",
                                    .to_address = "to@example.ac.jp",
                                    .subject = "[UPKI] サーバ証明書発行受付通知",
                                    .message_id = "f47ac10b-58cc-4372-a567-0e02b2c3d479@example.jp",
                                    .dated_usec = 1795424400000000,
                                    .text = "国立　太郎様\n\n--=_f47ac10b\r\n.\n"};

static void put(struct cms *cms, struct buf *content, struct buf *mail) {
    _cleanup_buf_ struct buf signature = {0};
    mime_put_content(content, &example);
    assert_int_equal(cms_sign(cms, content, example.dated_usec, &signature), 0);
    mime_put_mail(mail, &example, content, signature.data, signature.len);
}

static void test_mail(void **state) {
    (void) state;
    struct cms *cms = NULL;
    _cleanup_buf_ struct buf content = {0}, mail = {0}, content_again = {0}, again = {0};
    assert_int_equal(open_signer(&cms, key_path, "from@example.jp"), 0);
    put(cms, &content, &mail);
    put(cms, &content_again, &again);
    cms_free(cms);
    /* A mail made again is the same mail. */
    assert_int_equal(mail.len, again.len);
    assert_memory_equal(mail.data, again.data, mail.len);

    size_t line = 0;
    for (size_t i = 0; i < mail.len; i++) {
        assert_true((unsigned char) mail.data[i] < 0x80 && mail.data[i] != '\0');
        assert_int_equal(mail.data[i] == '\n', i > 0 && mail.data[i - 1] == '\r');
        line = mail.data[i] == '\n' ? 0 : line + 1;
        assert_true(line <= 998);
    }
    const char *text = buf_string(&mail);
    assert_non_null(strstr(text, "\r\nMessage-ID: <f47ac10b-58cc-4372-a567-0e02b2c3d479@example.jp>\r\n"));
    assert_non_null(strstr(text, "\r\nDate: Mon, 23 Nov 2026 18:00:00 +0900\r\n"));
    assert_non_null(strstr(text, "boundary=\"=_f47ac10b-58cc-4372-a567-0e02b2c3d479\"\r\n"));
    assert_non_null(strstr(text, "\r\n--=_f47ac10b-58cc-4372-a567-0e02b2c3d479--\r\n"));

    /* As a reader verifies it. */
    BIO *in = BIO_new_mem_buf(mail.data, (int) mail.len), *signed_part = NULL, *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *info = SMIME_read_CMS(in, &signed_part);
    X509_STORE *store = X509_STORE_new();
    assert_non_null(info);
    X509_STORE_add_cert(store, certificate);
    assert_int_equal(CMS_verify(info, NULL, store, signed_part, out, CMS_BINARY), 1);
    char *got = NULL;
    long len = BIO_get_mem_data(out, &got);
    assert_int_equal(len, content.len);
    assert_memory_equal(got, content.data, content.len);
    X509_STORE_free(store);
    CMS_ContentInfo_free(info);
    BIO_free(signed_part);
    BIO_free(out);
    BIO_free(in);
}

/* ---- tokens */

static void test_token(void **state) {
    (void) state;
    struct token_key key = {.len = 32};
    memset(key.bytes, 'k', 32);
    uint8_t token[TOKEN_BYTES], other[TOKEN_BYTES];
    _cleanup_buf_ struct buf hex = {0};
    token_make(&key, 0x0102030405060708, 3, token);
    text_hex(&hex, token, sizeof(token));
    /* printf '\1\2\3\4\5\6\7\10\0\0\0\3' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk */
    assert_string_equal(buf_string(&hex), "fb96b9a1f6bd10da6ef26720bc5cf0f3a1b11479453f43a40e83f764fc30f740");
    token_make(&key, 0x0102030405060708, 4, other);
    assert_memory_not_equal(token, other, TOKEN_BYTES);
    token_make(&key, 0x0102030405060709, 3, other);
    assert_memory_not_equal(token, other, TOKEN_BYTES);
}

static int read_key(const char *bytes, size_t len, mode_t mode, struct token_key *ret) {
    char path[100];
    (void) snprintf(path, sizeof(path), "%s/link.key", directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    int r = token_key_read(ret, path);
    assert_int_equal(unlink(path), 0);
    return r;
}

static void test_token_key(void **state) {
    (void) state;
    struct token_key key = {0};
    char bytes[65];
    memset(bytes, 7, sizeof(bytes));
    assert_int_equal(read_key(bytes, 31, 0600, &key), -EINVAL);
    assert_int_equal(read_key(bytes, 65, 0600, &key), -EINVAL);
    assert_int_equal(read_key(bytes, 32, 0640, &key), -EACCES);
    assert_int_equal(read_key(bytes, 64, 0400, &key), 0);
    assert_int_equal(key.len, 64);
    assert_memory_equal(key.bytes, bytes, 64);
    assert_int_equal(token_key_read(&key, "/"), -EACCES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address), cmocka_unit_test(test_words), cmocka_unit_test(test_signer_must_fit),
        cmocka_unit_test(test_mail),    cmocka_unit_test(test_token), cmocka_unit_test(test_token_key),
    };
    return cmocka_run_group_tests(tests, make_signer, remove_signer);
}
