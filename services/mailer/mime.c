#include "mime.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define BASE64_LINE_BYTES 57 /* 76 characters, RFC 2045 6.8 */
#define WORD_BYTES 45        /* 60 characters and "=?UTF-8?B?…?=" make 72; RFC 2047 2 allows 75 */
#define BOUNDARY_MAX 68
#define ADDRESS_MAX 254 /* RFC 5321 4.5.3.1.3 */

bool mime_address(const char *address) {
    const char *at = strchr(address, '@');
    if (!at || at == address || !at[1] || strchr(at + 1, '@') || strlen(address) > ADDRESS_MAX)
        return false;
    for (const char *p = address; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("<>()[]\\,;:\"", *p))
            return false;
    return true;
}

static bool is_plain(const char *text) {
    for (const char *p = text; *p; p++)
        if (*p < ' ' || *p >= 0x7f)
            return false;
    return !strstr(text, "=?") && strlen(text) < 60;
}

/* Bytes of the longest prefix that is at most max long and does not cut a character. */
static size_t whole_characters(const char *text, size_t max) {
    size_t len = strlen(text);
    if (len <= max)
        return len;
    for (len = max; len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80; len--)
        continue;
    return len > 0 ? len : max;
}

void mime_put_words(struct buf *to, const char *text) {
    if (is_plain(text)) {
        buf_text(to, text);
        return;
    }
    for (bool first = true; *text; first = false) {
        size_t len = whole_characters(text, WORD_BYTES);
        buf_text(to, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        text_base64(to, text, len);
        buf_text(to, "?=");
        text += len;
    }
}

static void put_base64_lines(struct buf *to, const void *data, size_t len) {
    const char *p = data;
    for (size_t n; len > 0; p += n, len -= n) {
        n = len < BASE64_LINE_BYTES ? len : BASE64_LINE_BYTES;
        text_base64(to, p, n);
        buf_text(to, "\r\n");
    }
}

static void put_text(struct buf *to, const struct mail *mail) {
    _cleanup_buf_ struct buf text = {0};
    for (const char *p = mail->text; *p; p++) {
        if (*p == '\n')
            buf_char(&text, '\r');
        if (*p != '\r')
            buf_char(&text, *p);
    }
    to->failed |= text.failed;
    buf_text(to, "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    put_base64_lines(to, text.data, text.len);
}

/* The boundary is the Message-ID up to its @, which no boundary may have; at most 70 characters with the "=_" before it (RFC
 * 2046 5.1.1). No line of base64 begins with two hyphens. */
static int boundary_bytes(const char *message_id) {
    size_t len = strcspn(message_id, "@");
    return (int) (len < BOUNDARY_MAX ? len : BOUNDARY_MAX);
}

void mime_put_content(struct buf *to, const struct mail *mail) {
    const char *name = mail->attachment.name, *id = mail->message_id;
    if (!name) {
        put_text(to, mail);
        return;
    }
    int boundary = boundary_bytes(id);
    buf_printf(to, "Content-Type: multipart/mixed; boundary=\"=a%.*s\"\r\n\r\n--=a%.*s\r\n", boundary, id, boundary,
               id);
    put_text(to, mail);
    buf_printf(to,
               "\r\n--=a%.*s\r\nContent-Type: text/tab-separated-values; charset=Shift_JIS;\r\n name=\"%s\"\r\n"
               "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"%s\"\r\n\r\n",
               boundary, id, name, name);
    put_base64_lines(to, mail->attachment.data, mail->attachment.len);
    buf_printf(to, "\r\n--=a%.*s--\r\n", boundary, id);
}

void mime_put_mail(struct buf *to, const struct mail *mail, const struct buf *content, const void *signature,
                   size_t len) {
    char date[CLOCK_TEXT_MAX];
    int boundary = boundary_bytes(mail->message_id);
    buf_text(to, "From: ");
    mime_put_words(to, mail->from_name);
    buf_printf(to, "\r\n <%s>\r\nTo: <%s>\r\nSubject: ", mail->from_address, mail->to_address);
    mime_put_words(to, mail->subject);
    buf_printf(to,
               "\r\nDate: %s\r\nMessage-ID: <%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
               " micalg=sha-256; boundary=\"=_%.*s\"\r\n\r\n"
               "This is an S/MIME signed message.\r\n\r\n--=_%.*s\r\n",
               clock_rfc5322(mail->dated_usec, date), mail->message_id, boundary, mail->message_id, boundary,
               mail->message_id);
    buf_add(to, content->data, content->len);
    buf_printf(
        to,
        "\r\n--=_%.*s\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"; smime-type=signed-data\r\n"
        "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
        boundary, mail->message_id);
    put_base64_lines(to, signature, len);
    buf_printf(to, "\r\n--=_%.*s--\r\n", boundary, mail->message_id);
}
