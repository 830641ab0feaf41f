/* Messages: round trip, truncation at every byte, trailing bytes, wrong magic, major and type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/messages.h"
#include "proto/stages.h"

/* The same test for every message of messages.def: fill each field, encode, decode, damage. */
#define MESSAGE(NAME, number)                                                                                          \
    static void fill_##NAME(struct message_##NAME *m) {                                                                \
        memset(m, 0, sizeof(*m));                                                                                      \
        uint64_t n = 0x0123456789abcdefu;                                                                              \
        (void) n;
#define U64(field) m->field = n++;
#define TEXT(field, max) memset(m->field, 'x', max);
#define END(NAME) }
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END

#define MESSAGE(NAME, number)                                                                                          \
    static void test_##NAME(void **state) {                                                                            \
        (void) state;                                                                                                  \
        struct message_##NAME sent, got;                                                                               \
        uint8_t bytes[MESSAGE_BYTES_MAX + 1];                                                                          \
        fill_##NAME(&sent);                                                                                            \
        size_t len = message_encode_##NAME(&sent, bytes);                                                              \
        assert_true(len > 4);                                                                                          \
        memset(&got, 0, sizeof(got));                                                                                  \
        assert_true(message_decode_##NAME(&got, bytes, len));                                                          \
        assert_memory_equal(&sent, &got, sizeof(got));                                                                 \
        for (size_t cut = 0; cut < len; cut++)                                                                         \
            assert_false(message_decode_##NAME(&got, bytes, cut));                                                     \
        bytes[len] = 0;                                                                                                \
        assert_false(message_decode_##NAME(&got, bytes, len + 1));                                                     \
        for (size_t i = 0; i < 4; i++) {                                                                               \
            bytes[i] ^= 0x40;                                                                                          \
            assert_false(message_decode_##NAME(&got, bytes, len));                                                     \
            bytes[i] ^= 0x40;                                                                                          \
        }                                                                                                              \
        assert_string_equal(message_name(number), #NAME);                                                              \
    }
#define U64(field)
#define TEXT(field, max)
#define END(NAME)
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END

static void test_text_bounds(void **state) {
    (void) state;
    struct message_HINT hint = {.job = 1}, got;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    (void) snprintf(hint.stage, sizeof(hint.stage), "check");
    size_t len = message_encode_HINT(&hint, bytes);
    /* A length that promises more than the maximum, and a NUL inside a text. */
    bytes[12] = 0xff;
    assert_false(message_decode_HINT(&got, bytes, len));
    bytes[12] = 0;
    bytes[14] = 0;
    assert_false(message_decode_HINT(&got, bytes, len));
}

static void test_writer_bounds(void **state) {
    (void) state;
    uint8_t small[3];
    struct wire_writer w = {.data = small, .cap = sizeof(small)};
    wire_put_u16(&w, 1);
    assert_false(w.failed);
    wire_put_u16(&w, 2);
    assert_true(w.failed);
    wire_put_u8(&w, 3);
    assert_int_equal(w.len, 2);
}

static void test_stages(void **state) {
    (void) state;
    for (int i = 0; i < STAGE_COUNT; i++)
        assert_int_equal(stage_from_name(stage_name((enum stage) i)), i);
    assert_int_equal(stage_from_name("signing"), STAGE_INVALID);
    assert_null(message_name(255));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define MESSAGE(NAME, number) cmocka_unit_test(test_##NAME),
#define U64(field)
#define TEXT(field, max)
#define END(NAME)
#include "proto/messages.def"
#undef MESSAGE
#undef U64
#undef TEXT
#undef END
        cmocka_unit_test(test_text_bounds),
        cmocka_unit_test(test_writer_bounds),
        cmocka_unit_test(test_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
