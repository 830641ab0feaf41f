#include "answer.h"

#include <errno.h>
#include <string.h>

#include "answer_text.h"
#include "base/cleanup.h"

enum field { FIELD_NONE, FIELD_DOMAIN, FIELD_JA, FIELD_EN, FIELD_STATUS, FIELD_REFERRAL, FIELD_END };

/* The registry's own words: they are what is looked for, nobody is shown them. */
struct label {
    const char *text;
    enum field field;
};

static const struct label jprs_labels[] = {
    {"ドメイン名", FIELD_DOMAIN},
    {"Domain Name", FIELD_DOMAIN},
    {"組織名", FIELD_JA},
    {"Organization", FIELD_EN},
    {"ネットワークサービス名", FIELD_JA},
    {"Network Service Name", FIELD_EN},
    {"登録者名", FIELD_JA},
    {"Registrant", FIELD_EN},
    {"状態", FIELD_STATUS},
    {"State", FIELD_STATUS},
    {"Status", FIELD_STATUS},
    {"最終更新", FIELD_END},
    {"Last Update", FIELD_END},
    {"Last Updated", FIELD_END},
};

/* ICANN's Registry Registration Data Directory Services; the last two are IANA's. */
static const struct label gtld_labels[] = {
    {"Domain Name", FIELD_DOMAIN},   {"Registrant Organization", FIELD_EN},
    {"Domain Status", FIELD_STATUS}, {"Registrar WHOIS Server", FIELD_REFERRAL},
    {"refer", FIELD_REFERRAL},       {"whois", FIELD_REFERRAL},
};

static const char *const not_found_words[] = {"No match",      "Not found",        "Domain not found",
                                              "No data found", "No entries found", "The queried object does not exist"};
static const char *const limit_words[] = {"exceeded",     "blacklisted",      "too many",     "rate limit",
                                          "アクセス制限", "問い合わせを制限", "一時的に制限", "制限しています",
                                          "検索回数",     "try again later"};

struct reading {
    struct answer *answer;
    const char *domain;
    bool jprs;               /* a JPRS record began */
    bool done;               /* its Domain Information is over */
    bool named, foreign;     /* it names the domain asked; it names another */
    bool ja, en, end;        /* labels seen */
    bool limited, not_found; /* whichever came first */
    bool bad;                /* a value too long, or a registrant named twice */
    char *open;              /* the value that an indented line goes on with */
};

static void take_domain(struct reading *r, struct span value) {
    if (value.len > 0 && value.at[value.len - 1] == '.')
        value.len--;
    if (span_is(value, r->domain))
        r->named = true;
    else
        r->foreign = true;
}

static void take_registrant(struct reading *r, bool *seen, char *to, struct span value) {
    if (*seen)
        r->bad = true;
    *seen = true;
    if (!value_append(to, ANSWER_TEXT_MAX + 1, value))
        r->bad = true;
    r->open = to;
}

static void take_status(struct reading *r, struct span value) {
    if (!r->jprs) { /* "clientHold https://icann.org/epp#clientHold", several */
        const char *blank = memchr(value.at, ' ', value.len);
        value.len = blank ? (size_t) (blank - value.at) : value.len;
    }
    if (!value_append(r->answer->status, sizeof(r->answer->status), value))
        r->bad = true;
}

static void take_field(struct reading *r, enum field field, struct span value) {
    struct answer *a = r->answer;
    value = span_trim(value);
    r->open = NULL;
    switch (field) {
    case FIELD_DOMAIN:
        take_domain(r, value);
        break;
    case FIELD_JA:
        take_registrant(r, &r->ja, a->registrant_ja, value);
        break;
    case FIELD_EN: {
        bool hidden = !r->jprs && span_starts(value, "redacted");
        take_registrant(r, &r->en, a->registrant_en, hidden ? (struct span){value.at, 0} : value);
        break;
    }
    case FIELD_STATUS:
        take_status(r, value);
        break;
    case FIELD_REFERRAL:
        if (!*a->referral && !value_append(a->referral, sizeof(a->referral), value))
            r->bad = true;
        break;
    case FIELD_END:
        r->end = true;
        break;
    case FIELD_NONE:
        break;
    }
}

static enum field find_label(const struct label *labels, size_t n, struct span text) {
    for (size_t i = 0; i < n; i++)
        if (span_is(text, labels[i].text))
            return labels[i].field;
    return FIELD_NONE;
}

/* "f. [組織名]    value"; the letter is left out in generic .jp names. */
static void read_jprs(struct reading *r, struct span line) {
    if (span_starts(line, "Contact Information:")) {
        r->done = true;
        return;
    }
    bool indented = line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t');
    if (indented && r->open) {
        if (!value_append(r->open, ANSWER_TEXT_MAX + 1, line))
            r->bad = true;
        return;
    }
    if (line.len > 2 && line.at[0] >= 'a' && line.at[0] <= 'z' && line.at[1] == '.')
        line = span_trim((struct span){line.at + 2, line.len - 2});
    r->open = NULL;
    const char *close = line.len > 0 && line.at[0] == '[' ? memchr(line.at, ']', line.len) : NULL;
    if (!close)
        return;
    struct span label = {line.at + 1, (size_t) (close - line.at) - 1};
    struct span value = {close + 1, line.len - label.len - 2};
    take_field(r, find_label(jprs_labels, ARRAY_SIZE(jprs_labels), span_trim(label)), value);
}

/* "   Domain Name: EXAMPLE.ORG" and ">>> Last update of WHOIS database: … <<<" */
static void read_gtld(struct reading *r, struct span line) {
    line = span_trim(line);
    if (span_starts(line, ">>> Last update of") && line.len > 3 && strncmp(line.at + line.len - 3, "<<<", 3) == 0)
        r->end = true;
    const char *colon = memchr(line.at, ':', line.len);
    if (!colon || r->end)
        return;
    struct span label = {line.at, (size_t) (colon - line.at)};
    struct span value = {colon + 1, line.len - label.len - 1};
    take_field(r, find_label(gtld_labels, ARRAY_SIZE(gtld_labels), label), value);
    r->open = NULL;
}

static bool any_word(const char *const *words, size_t n, struct span line, bool (*test)(struct span, const char *)) {
    for (size_t i = 0; i < n; i++)
        if (test(line, words[i]))
            return true;
    return false;
}

static void read_verdict(struct reading *r, struct span line, bool ended) {
    if (r->named || r->foreign || r->limited || r->not_found)
        return;
    if (any_word(limit_words, ARRAY_SIZE(limit_words), line, span_contains))
        r->limited = true;
    else if (ended && any_word(not_found_words, ARRAY_SIZE(not_found_words), span_trim(line), span_starts))
        /* 'No match for "EXAMPLE.ORG".' must be about the name that was asked. */
        r->not_found = !span_contains(line, "match for") || span_contains(line, r->domain);
}

static void read_line(struct reading *r, struct span line, bool ended) {
    read_verdict(r, line, ended);
    if (!ended || r->done) /* an unended line may be the half of one */
        return;
    if (!r->jprs && span_starts(line, "Domain Information:"))
        r->jprs = true;
    else if (r->jprs)
        read_jprs(r, line);
    else
        read_gtld(r, line);
}

static const char *judge_nothing(const struct reading *r, size_t len) {
    if (len == 0)
        return "an empty answer";
    if (r->limited)
        return "the server limits our queries";
    if (r->bad)
        return "a value too long, or a registrant named twice";
    if (r->foreign)
        return "the answer is about another domain";
    return "the answer is cut off or of an unknown form";
}

static void judge(const struct reading *r, size_t len) {
    struct answer *a = r->answer;
    bool record = !r->bad && r->named && !r->foreign && r->end;
    bool registrant = *a->registrant_ja || *a->registrant_en;
    bool told = r->ja || r->en;
    if (r->not_found)
        a->outcome = ANSWER_NOT_FOUND;
    else if (record && (registrant || (told && !*a->referral)))
        a->outcome = ANSWER_FOUND;
    else if (!r->bad && !r->foreign && !r->jprs && *a->referral && (record || !r->named))
        a->outcome = ANSWER_REFERRED;
    a->whole = record && told;
    if (a->outcome == ANSWER_UNREACHABLE)
        a->detail = judge_nothing(r, len);
    else if (a->outcome == ANSWER_FOUND && !registrant)
        a->detail = "the registrant is withheld";
}

void answer_read(struct answer *ret, const char *domain, const void *data, size_t len) {
    *ret = (struct answer){.outcome = ANSWER_UNREACHABLE};
    if (len > ANSWER_BYTES_MAX) {
        ret->detail = "the answer is too long";
        return;
    }
    _cleanup_buf_ struct buf text = {0};
    int e = len > 0 ? answer_decode(&text, data, len) : 0;
    if (e < 0) {
        ret->detail = e == -ENOMEM ? "out of memory" : "the answer is not text in UTF-8 or ISO-2022-JP";
        return;
    }
    struct reading r = {.answer = ret, .domain = domain};
    struct span rest = {buf_string(&text), text.len}, line;
    bool ended = false;
    while (answer_line(&rest, &line, &ended))
        read_line(&r, line, ended);
    judge(&r, len);
    if (ret->outcome == ANSWER_UNREACHABLE) { /* half a registrant must not be taken for one */
        *ret->registrant_ja = *ret->registrant_en = *ret->status = *ret->referral = '\0';
        ret->whole = false;
    }
}
