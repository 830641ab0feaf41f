#include "fields.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* 2.5.29.n (RFC 5280 4.2.1) */
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f}, oid_subject_key_id[] = {0x55, 0x1d, 0x0e};

void put_serial(struct buf *to, const uint8_t serial[static SERIAL_BYTES]) {
    size_t skip = 0;
    while (skip < SERIAL_BYTES - 1 && serial[skip] == 0 && !(serial[skip + 1] & 0x80))
        skip++;
    der_put(to, DER_INTEGER, serial + skip, SERIAL_BYTES - skip);
}

void put_time(struct buf *to, int64_t usec) {
    time_t t = (time_t) (usec / USEC_PER_SEC);
    struct tm tm;
    char text[24] = "";
    if (!gmtime_r(&t, &tm)) {
        to->failed = true;
        return;
    }
    bool utc = tm.tm_year < 150;
    (void) strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
    der_put_text(to, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, utc ? text + 2 : text);
}

void put_extension(struct buf *to, const uint8_t *oid, size_t oid_len, bool critical, struct buf *value) {
    _cleanup_buf_ struct buf extension = {0};
    der_put(&extension, DER_OID, oid, oid_len);
    if (critical)
        der_put(&extension, DER_BOOLEAN, "\xff", 1);
    der_wrap(&extension, DER_OCTET_STRING, value);
    der_wrap(to, DER_SEQUENCE, &extension);
}

void put_authority_key_id(struct buf *to, const struct issuer *issuer) {
    static const uint8_t oid_authority_key_id[] = {0x55, 0x1d, 0x23};
    _cleanup_buf_ struct buf id = {0}, value = {0};
    der_put(&id, DER_CONTEXT | 0, issuer->key_id.data, issuer->key_id.len);
    der_wrap(&value, DER_SEQUENCE, &id);
    PUT_EXTENSION(to, oid_authority_key_id, false, &value);
}

void put_point_name(struct buf *to, struct buf *address) {
    _cleanup_buf_ struct buf uri = {0}, full = {0};
    der_wrap(&uri, DER_CONTEXT | 6, address);
    der_wrap(&full, DER_CONTEXT_CONSTRUCTED | 0, &uri);
    der_wrap(to, DER_CONTEXT_CONSTRUCTED | 0, &full);
}

int draw_serial(uint8_t serial[static SERIAL_BYTES]) {
    static const uint8_t zero[SERIAL_BYTES];
    do {
        if (RAND_bytes(serial, SERIAL_BYTES) != 1)
            return -EIO;
        serial[0] &= 0x7f;
    } while (memcmp(serial, zero, SERIAL_BYTES) == 0);
    return 0;
}

void put_key_usage(struct buf *to, bool rsa) {
    _cleanup_buf_ struct buf value = {0};
    /* digitalSignature is bit 0, keyEncipherment bit 2; the first byte counts the unused bits. */
    der_put(&value, DER_BIT_STRING, rsa ? "\x05\xa0" : "\x07\x80", 2);
    PUT_EXTENSION(to, oid_key_usage, true, &value);
}

void put_subject_key_id(struct buf *to, struct db_bytes spki_der) {
    struct der whole = der_of(spki_der.data, spki_der.len), spki = der_get(&whole, DER_SEQUENCE);
    (void) der_get(&spki, DER_SEQUENCE);
    struct der bits = der_get(&spki, DER_BIT_STRING);
    uint8_t id[SHA_DIGEST_LENGTH];
    if (bits.failed || bits.left < 1) {
        to->failed = true;
        return;
    }
    (void) SHA1(bits.at + 1, bits.left - 1, id);
    _cleanup_buf_ struct buf value = {0};
    der_put(&value, DER_OCTET_STRING, id, sizeof(id));
    PUT_EXTENSION(to, oid_subject_key_id, false, &value);
}
