#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/cleanup.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void text_hex(struct buf *to, const void *data, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        buf_char(to, digits[bytes[i] >> 4]);
        buf_char(to, digits[bytes[i] & 15]);
    }
}

static void encode64(struct buf *to, const uint8_t *p, size_t len, const char *alphabet, bool pad) {
    for (; len > 0; p += 3) {
        size_t n = len < 3 ? len : 3;
        uint32_t v = (uint32_t) p[0] << 16 | (n > 1 ? (uint32_t) p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
        char out[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], n > 1 ? alphabet[v >> 6 & 63] : '=',
                       n > 2 ? alphabet[v & 63] : '='};
        buf_add(to, out, pad ? 4 : n + 1);
        len -= n;
    }
}

void text_base64(struct buf *to, const void *data, size_t len) {
    encode64(to, data, len, base64_alphabet, true);
}

void text_base64url(struct buf *to, const void *data, size_t len) {
    encode64(to, data, len, base64url_alphabet, false);
}

static int decode64(const char *text, size_t len, const char *alphabet, struct buf *ret) {
    uint8_t value[256];
    memset(value, 0xff, sizeof(value));
    for (uint8_t i = 0; i < 64; i++)
        value[(uint8_t) alphabet[i]] = i;
    if (len % 4 == 1)
        return -EINVAL;
    while (len > 0) {
        size_t n = len < 4 ? len : 4;
        uint32_t v = 0;
        for (size_t i = 0; i < n; i++) {
            uint8_t six = value[(uint8_t) text[i]];
            if (six == 0xff)
                return -EINVAL;
            v |= (uint32_t) six << (18 - 6 * i);
        }
        /* Bits beyond the last byte must be zero, or one value would have several spellings. */
        if ((n == 2 && (v & 0xffff)) || (n == 3 && (v & 0xff)))
            return -EINVAL;
        uint8_t out[3] = {(uint8_t) (v >> 16), (uint8_t) (v >> 8), (uint8_t) v};
        buf_add(ret, out, n - 1);
        text += n;
        len -= n;
    }
    return ret->failed ? -ENOMEM : 0;
}

int text_from_base64(const char *text, size_t len, struct buf *ret) {
    if (len % 4 != 0)
        return -EINVAL;
    if (len > 0 && text[len - 1] == '=')
        len -= text[len - 2] == '=' ? 2 : 1;
    return decode64(text, len, base64_alphabet, ret);
}

int text_from_base64url(const char *text, size_t len, struct buf *ret) {
    return decode64(text, len, base64url_alphabet, ret);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int text_from_hex(const char *text, size_t len, struct buf *ret) {
    if (len % 2 != 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        buf_char(ret, (char) (high << 4 | low));
    }
    return ret->failed ? -ENOMEM : 0;
}

int text_to_int64(const char *text, int64_t min, int64_t max, int64_t *ret) {
    bool negative = *text == '-';
    const char *p = text + negative;
    if (*p == '\0')
        return -EINVAL;
    int64_t v = 0;
    for (; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *p - '0', &v))
            return -ERANGE;
    }
    if (!negative && __builtin_sub_overflow(0, v, &v))
        return -ERANGE;
    if (v < min || v > max)
        return -ERANGE;
    *ret = v;
    return 0;
}

/* Bytes of the character at p, 0 for what is no UTF-8 (RFC 3629 4: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_character(const uint8_t *p, const uint8_t *end, uint32_t *ret) {
    uint8_t c = *p;
    *ret = c;
    if (c < 0x80)
        return 1;
    size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || more >= (size_t) (end - p))
        return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    *ret = c & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *ret = *ret << 6 | (p[i] & 0x3f);
    }
    return more + 1;
}

bool text_is_utf8(const void *data, size_t len) {
    const uint8_t *p = data, *end = p + len;
    while (p < end) {
        uint32_t c;
        size_t n = utf8_character(p, end, &c);
        if (n == 0 || c == 0)
            return false;
        p += n;
    }
    return true;
}

static bool is_deceptive(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
                  {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
                  {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f}};
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

void text_make_plain(char *text) {
    uint8_t *to = (uint8_t *) text;
    const uint8_t *p = to, *end = p + strlen(text);
    while (p < end) {
        uint32_t c;
        size_t n = utf8_character(p, end, &c);
        if (n == 0 || is_deceptive(c))
            *to++ = '?';
        else {
            memmove(to, p, n);
            to += n;
        }
        p += n > 0 ? n : 1;
    }
    *to = '\0';
}

void text_serial(struct buf *to, const uint8_t *serial, size_t len) {
    BIGNUM *n = len <= 64 ? BN_bin2bn(serial, (int) len, NULL) : NULL;
    char *decimal = n ? BN_bn2dec(n) : NULL;
    if (decimal)
        buf_text(to, decimal);
    else
        to->failed = true;
    OPENSSL_free(decimal);
    BN_free(n);
}

int text_parse_serial(const char *text, uint8_t ret_serial[static 16]) {
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    size_t len = strlen(digits);
    if (len == 0 || len > 50)
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (hex ? hex_digit(digits[i]) < 0 : digits[i] < '0' || digits[i] > '9')
            return -EINVAL;
    BIGNUM *n = NULL;
    int r = -ERANGE;
    if ((hex ? BN_hex2bn(&n, digits) : BN_dec2bn(&n, digits)) != 0 && BN_bn2binpad(n, ret_serial, 16) == 16)
        r = 0;
    BN_free(n);
    return r;
}

void text_percent(struct buf *to, const char *text) {
    for (const unsigned char *p = (const unsigned char *) text; *p; p++)
        if (*p < 0x80 && (isalnum(*p) || strchr("-._~", *p)))
            buf_char(to, (char) *p);
        else
            buf_printf(to, "%%%02X", *p);
}

int text_from_percent(const char *text, size_t len, struct buf *ret) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            buf_char(ret, text[i]);
            continue;
        }
        if (len - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
            return -EINVAL;
        buf_char(ret, (char) (hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])));
        i += 2;
    }
    return 0;
}

void text_html(struct buf *to, const char *text) {
    for (;;) {
        size_t plain = strcspn(text, "&<>\"'");
        buf_add(to, text, plain);
        text += plain;
        switch (*text++) {
        case '&':
            buf_text(to, "&amp;");
            break;
        case '<':
            buf_text(to, "&lt;");
            break;
        case '>':
            buf_text(to, "&gt;");
            break;
        case '"':
            buf_text(to, "&quot;");
            break;
        case '\'':
            buf_text(to, "&#39;");
            break;
        default:
            return;
        }
    }
}

bool text_equal_const_time(const void *a, const void *b, size_t len) {
    return CRYPTO_memcmp(a, b, len) == 0;
}
