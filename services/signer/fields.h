/* Fields that certificates of all kinds and CRLs share, as DER (RFC 5280). */
#pragma once

#include "certificate.h"
#include "der.h"

/* 127 random bits, where BR 7.1.2.7 wants 64; positive and not zero. 0 or -EIO. */
int draw_serial(uint8_t serial[static SERIAL_BYTES]);
/* INTEGER: minimal two's complement of a serial, whose first bit is 0. */
void put_serial(struct buf *to, const uint8_t serial[static SERIAL_BYTES]);
/* 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, always with seconds and Z. */
void put_time(struct buf *to, int64_t usec);
/* An Extension; value is emptied. oid: its content. */
void put_extension(struct buf *to, const uint8_t *oid, size_t oid_len, bool critical, struct buf *value);
#define PUT_EXTENSION(to, oid, critical, value) put_extension(to, oid, sizeof(oid), critical, value)
/* 4.2.1.1 and 5.2.1: the keyIdentifier alone. */
void put_authority_key_id(struct buf *to, const struct issuer *issuer);
/* 4.2.1.3, critical: digitalSignature; keyEncipherment too for RSA (BR 7.1.2.7.11). */
void put_key_usage(struct buf *to, bool rsa);
/* 4.2.1.2 (1): SHA-1 of the subjectPublicKey's bits. */
void put_subject_key_id(struct buf *to, struct db_bytes spki_der);
/* fullName with one http address, as DistributionPoint and IssuingDistributionPoint have it: [0] { [0] { uri } }. */
void put_point_name(struct buf *to, struct buf *address);
