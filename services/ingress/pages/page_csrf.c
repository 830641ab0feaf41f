#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/text.h"
#include "services/ingress/pages/pages.h"

/* The prefix makes browsers accept it from this host over https only (RFC 6265bis 4.1.3.2). */
#define COOKIE "__Host-csrf"
#define TOKEN_BYTES 16
#define TOKEN_CHARS 22

/* The value of our cookie, or NULL. */
static const char *cookie_value(const struct request *r) {
    size_t len = 0;
    const char *value = page_cookie(r, COOKIE, &len);
    return value && len == TOKEN_CHARS &&
                   strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") >= TOKEN_CHARS
               ? value
               : NULL;
}

char *page_random(void) {
    uint8_t random[TOKEN_BYTES];
    _cleanup_buf_ struct buf text = {0};
    if (RAND_bytes(random, sizeof(random)) != 1)
        return NULL;
    text_base64url(&text, random, sizeof(random));
    return buf_steal(&text);
}

char *page_csrf(const struct request *r, struct reply *p) {
    const char *present = cookie_value(r);
    if (present)
        return strndup(present, TOKEN_CHARS);
    char *token = page_random();
    if (token)
        reply_header(p, "Set-Cookie", COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict", token);
    return token;
}

bool page_csrf_right(const struct request *r) {
    const char *cookie = cookie_value(r), *field = request_parameter(r, "csrf");
    return cookie && field && strlen(field) == TOKEN_CHARS && text_equal_const_time(cookie, field, TOKEN_CHARS);
}
