/*
 * The messages of messages.def: a struct, an encoder and a decoder each, all made from the one declaration.
 *
 * On the wire: "IK", major version, type, then the fields (wire.h). A decoder takes exactly its own message: wrong magic,
 * major or type, a short field and bytes left over are all refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define MESSAGE_MAJOR 1
#define MESSAGE_BYTES_MAX 512

enum message_type {
#define MESSAGE(NAME, number) MESSAGE_##NAME = number,
#define U64(field)
#define TEXT(field, max)
#define END(NAME)
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END
};

#define MESSAGE(NAME, number) struct message_##NAME {
#define U64(field) uint64_t field;
#define TEXT(field, max) char field[(max) + 1];
#define END(NAME)                                                                                                      \
    }                                                                                                                  \
    ;
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END

/* Encoders return the number of bytes written to to (MESSAGE_BYTES_MAX large), 0 when a text is longer than its maximum. */
#define MESSAGE(NAME, number)                                                                                          \
    size_t message_encode_##NAME(const struct message_##NAME *m, uint8_t to[static MESSAGE_BYTES_MAX]);                \
    bool message_decode_##NAME(struct message_##NAME *ret, const void *data, size_t len);
#define U64(field)
#define TEXT(field, max)
#define END(NAME)
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END

const char *message_name(uint8_t type); /* NULL for an unknown one */
