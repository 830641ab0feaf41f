/* Fields that certificates and CRLs share, as DER (RFC 5280). */
#pragma once

#include "certificate.h"
#include "der.h"

/* INTEGER: minimal two's complement of a serial, whose first bit is 0. */
void put_serial(struct buf *to, const uint8_t serial[static SERIAL_BYTES]);
/* 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, always with seconds and Z. */
void put_time(struct buf *to, int64_t usec);
/* An Extension; value is emptied. oid: its content. */
void put_extension(struct buf *to, const uint8_t *oid, size_t oid_len, bool critical, struct buf *value);
#define PUT_EXTENSION(to, oid, critical, value) put_extension(to, oid, sizeof(oid), critical, value)
/* 4.2.1.1 and 5.2.1: the keyIdentifier alone. */
void put_authority_key_id(struct buf *to, const struct issuer *issuer);
/* fullName with one http address, as DistributionPoint and IssuingDistributionPoint have it: [0] { [0] { uri } }. */
void put_point_name(struct buf *to, const char *address);
