#include "proto/messages.h"

#define MESSAGE_MAGIC 0x494b /* "IK" */

static struct wire_writer begin(uint8_t *to, uint8_t type) {
    struct wire_writer w = {.data = to, .cap = MESSAGE_BYTES_MAX};
    wire_put_u16(&w, MESSAGE_MAGIC);
    wire_put_u8(&w, MESSAGE_MAJOR);
    wire_put_u8(&w, type);
    return w;
}

static struct wire_reader open_message(const void *data, size_t len, uint8_t type) {
    struct wire_reader r = {.data = data, .left = len};
    uint16_t magic = wire_get_u16(&r);
    uint8_t major = wire_get_u8(&r), found = wire_get_u8(&r);
    if (magic != MESSAGE_MAGIC || major != MESSAGE_MAJOR || found != type)
        r.failed = true;
    return r;
}

#define MESSAGE(NAME, number)                                                                                          \
    size_t message_encode_##NAME(const struct message_##NAME *m, uint8_t to[static MESSAGE_BYTES_MAX]) {               \
        struct wire_writer w = begin(to, number);
#define U64(field) wire_put_u64(&w, m->field);
#define TEXT(field, max) wire_put_text(&w, m->field, max);
#define END(NAME)                                                                                                      \
    return w.failed ? 0 : w.len;                                                                                       \
    }
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END

#define MESSAGE(NAME, number)                                                                                          \
    bool message_decode_##NAME(struct message_##NAME *ret, const void *data, size_t len) {                             \
        struct wire_reader r = open_message(data, len, number);
#define U64(field) ret->field = wire_get_u64(&r);
#define TEXT(field, max) wire_get_text(&r, ret->field, max);
#define END(NAME)                                                                                                      \
    return wire_end(&r);                                                                                               \
    }
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END

const char *message_name(uint8_t type) {
    switch (type) {
#define MESSAGE(NAME, number)                                                                                          \
    case number:                                                                                                       \
        return #NAME;
#define U64(field)
#define TEXT(field, max)
#define END(NAME)
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END
    default:
        return NULL;
    }
}
