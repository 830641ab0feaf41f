/* Each message of proto/messages.def: what is decoded, encodes to the same bytes. */
#include "fuzz.h"
#include "proto/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t again[MESSAGE_BYTES_MAX];
#define MESSAGE(NAME, number)                                                                                          \
    {                                                                                                                  \
        struct message_##NAME m;                                                                                       \
        if (message_decode_##NAME(&m, data, size)) {                                                                   \
            size_t len = message_encode_##NAME(&m, again);                                                             \
            MUST(len == size && memcmp(again, data, len) == 0);                                                        \
        }                                                                                                              \
    }
#define U64(field)
#define TEXT(field, max)
#define END(NAME)
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END
    return 0;
}
