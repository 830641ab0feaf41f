#include "name.h"

#include <errno.h>
#include <idn2.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define MAIL_LOCAL_MAX 64
#define MAIL_MAX_BYTES 254 /* RFC 5321 4.5.3.1.3 without the angle brackets */

static psl_ctx_t *suffixes; /* read by any thread once it is open */

static char to_lower(char c) {
    return (char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_letter_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool all_digits(const char *text, size_t len) {
    return len > 0 && strspn(text, "0123456789") >= len;
}

/* An A-label stands for a U-label that gives it back (RFC 5890 2.3.2.1); anything else that begins so is a forgery. */
static bool is_a_label(const char *label, size_t len) {
    char lower[NAME_LABEL_MAX + 1];
    for (size_t i = 0; i < len; i++)
        lower[i] = to_lower(label[i]);
    lower[len] = '\0';
    char *unicode = NULL, *back = NULL;
    bool ok = idn2_to_unicode_8z8z(lower, &unicode, 0) == IDN2_OK;
    bool ascii = true;
    for (const char *p = unicode; ok && *p; p++)
        ascii = ascii && (unsigned char) *p < 0x80;
    ok = ok && !ascii &&
         idn2_lookup_u8((const uint8_t *) unicode, (uint8_t **) &back, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) ==
             IDN2_OK &&
         strcmp(back, lower) == 0;
    idn2_free(unicode);
    idn2_free(back);
    return ok;
}

static bool label_ok(const char *label, size_t len, char reason[static NAME_REASON_MAX]) {
    for (size_t i = 0; i < len; i++)
        if (!is_letter_digit(label[i]) && label[i] != '-') {
            char shown[3] = {label[i] > ' ' && label[i] < 0x7F ? label[i] : '\0', ' ', '\0'};
            (void) snprintf(reason, NAME_REASON_MAX, "%sU+%04X", shown[0] ? shown : "",
                            (unsigned) (unsigned char) label[i]);
            return false;
        }
    if (len == 0) {
        (void) snprintf(reason, NAME_REASON_MAX, "..");
    } else if (len > NAME_LABEL_MAX) {
        (void) snprintf(reason, NAME_REASON_MAX, "%zu > %d", len, NAME_LABEL_MAX);
    } else if (label[0] == '-') {
        (void) snprintf(reason, NAME_REASON_MAX, "-…");
    } else if (label[len - 1] == '-') {
        (void) snprintf(reason, NAME_REASON_MAX, "…-");
    } else if (len >= 4 && label[2] == '-' && label[3] == '-') {
        if (strncasecmp(label, "xn", 2) == 0 && is_a_label(label, len))
            return true;
        (void) snprintf(reason, NAME_REASON_MAX, "%.4s", label);
    } else {
        return true;
    }
    return false;
}

static bool ends_in(const char *name, const char *tail) {
    size_t n = strlen(name), m = strlen(tail);
    return n >= m && strcasecmp(name + n - m, tail) == 0;
}

bool name_is_host(const char *name, char reason[static NAME_REASON_MAX]) {
    size_t len = strlen(name), labels = 0;
    reason[0] = '\0';
    if (len > NAME_MAX_BYTES) {
        (void) snprintf(reason, NAME_REASON_MAX, "%zu > %d", len, NAME_MAX_BYTES);
        return false;
    }
    if (len > 0 && (name[0] == '.' || name[len - 1] == '.')) {
        (void) snprintf(reason, NAME_REASON_MAX, name[0] == '.' ? ".…" : "….");
        return false;
    }
    const char *label = name, *last = name;
    for (size_t n; label <= name + len; label += n + 1, labels++) {
        n = strcspn(label, ".");
        if (!label_ok(label, n, reason))
            return false;
        last = label;
    }
    if (all_digits(last, strlen(last))) {
        (void) snprintf(reason, NAME_REASON_MAX, "IP");
        return false;
    }
    if (labels < 2) {
        (void) snprintf(reason, NAME_REASON_MAX, "FQDN");
        return false;
    }
    return true;
}

int name_open(void) {
    if (!suffixes)
        suffixes = psl_latest(NULL);
    return suffixes ? 0 : -ENOENT;
}

void name_close(void) {
    psl_free(suffixes);
    suffixes = NULL;
}

/*
 * Domains that IANA keeps for special use and for infrastructure: the list of suffixes has some of them (onion, arpa), and
 * the others are not to depend on its edition. BR 4.2.2 forbids the reverse zones.
 */
static const char *special_domain(const char *name) {
    static const char *const domains[] = {".alt",   ".arpa",      ".example", ".internal", ".invalid",
                                          ".local", ".localhost", ".onion",   ".test"};
    for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
        if (ends_in(name, domains[i]))
            return domains[i];
    return NULL;
}

bool name_is_public(const char *name, char reason[static NAME_REASON_MAX]) {
    char lower[NAME_MAX_BYTES + 1] = "";
    for (size_t i = 0; i < NAME_MAX_BYTES && name[i]; i++)
        lower[i] = to_lower(name[i]);
    const char *special = special_domain(lower), *last = strrchr(lower, '.');
    reason[0] = '\0';
    if (special)
        (void) snprintf(reason, NAME_REASON_MAX, "%s", special);
    else if (!suffixes || !last || !psl_is_public_suffix2(suffixes, last + 1, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE))
        (void) snprintf(reason, NAME_REASON_MAX, "Root Zone Database");
    else if (psl_is_public_suffix2(suffixes, lower, PSL_TYPE_ICANN))
        (void) snprintf(reason, NAME_REASON_MAX, "Public Suffix List");
    return reason[0] == '\0';
}

const struct name_domain *name_domain_of(const char *lower_name, const struct name_domain *domains, size_t n) {
    const struct name_domain *found = NULL;
    size_t found_len = 0, len = strlen(lower_name);
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(domains[i].name);
        if (m == 0 || m > len || m <= found_len || memcmp(lower_name + len - m, domains[i].name, m) != 0)
            continue;
        if (m == len || lower_name[len - m - 1] == '.') {
            found = &domains[i];
            found_len = m;
        }
    }
    return found;
}

bool name_is_mail(const char *text) {
    static const char atext[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
    char reason[NAME_REASON_MAX];
    size_t local = strspn(text, atext);
    if (strlen(text) > MAIL_MAX_BYTES || text[local] != '@' || local == 0 || local > MAIL_LOCAL_MAX || text[0] == '.' ||
        text[local - 1] == '.')
        return false;
    for (size_t i = 1; i < local; i++)
        if (text[i] == '.' && text[i - 1] == '.')
            return false;
    return name_is_host(text + local + 1, reason);
}
