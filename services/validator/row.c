#include "row.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "row_names.h"
#include "row_target.h"
#include "subject.h"

#define OUS_MAX 64 /* BR 7.1.4.2, over all OUs of a DN */

void row_done(struct row *row) {
    problems_done(&row->problems);
    columns_done(&row->columns);
    dn_done(&row->dn);
    csr_done(&row->csr);
    free(row->cn);
    free(row->match_key);
    buf_done(&row->names);
    buf_done(&row->ous);
    buf_done(&row->domains);
}

const char *row_text(const struct row *row, enum tsv_field field) {
    const struct column *c = columns_get(&row->columns, row->problems.format, field, NULL);
    return c->len > 0 && c->readable ? c->text : NULL;
}

static void check_defaults(struct row *row, int column) {
    for (size_t i = 0; i < row->dn.count; i++) {
        const struct dn_element *e = &row->dn.element[i];
        if (!subject_is_placeholder(e->value))
            continue;
        char what[160];
        (void) snprintf(what, sizeof(what), "%.60s=%.80s", e->name, e->value);
        problem_item(&row->problems, ERROR_DEFAULT_VALUE, column, what, NULL);
    }
}

/*
 * O, L and ST are the registered values, byte for byte: nothing else can hide another attribute in a value
 * (ST="Tokyo, C=JP", certified for five weeks in 2025) or come from a program's defaults.
 */
static void check_registered(struct row *row, const struct row_rules *rules, int column) {
    struct problems *p = &row->problems;
    const char *o = dn_value(&row->dn, DN_O), *l = dn_value(&row->dn, DN_L), *st = dn_value(&row->dn, DN_ST);
    const char *c = dn_value(&row->dn, DN_C);
    if (o && strcmp(o, rules->o) != 0)
        problem_add(p, ERROR_O_MISMATCH, column, o, rules->o, NULL);
    if (l && strcmp(l, rules->l) != 0)
        problem_add(p, ERROR_L_MISMATCH, column, l, rules->l, NULL);
    if (st && strcmp(st, rules->st) != 0)
        problem_add(p, ERROR_ST_MISMATCH, column, st, rules->st, NULL);
    if (c && strcmp(c, "JP") != 0)
        problem_add(p, ERROR_COUNTRY, column, c, NULL);
}

static void check_form(struct row *row, const struct row_rules *rules, int column) {
    _cleanup_buf_ struct buf found = {0};
    bool ok = dn_is_wanted(&row->dn, rules->policy, &found);
    for (size_t i = 0; i < row->dn.count; i++) {
        const struct dn_element *e = &row->dn.element[i];
        /* "=" in a value is another attribute in disguise, or a name unknown here; the register holds none either. */
        if (!*e->name || !strchr(e->value, '='))
            continue;
        buf_printf(&found, "%s%s=%s", ok ? "" : "; ", e->name, e->value);
        ok = false;
    }
    if (found.failed)
        row->failed = true;
    if (!ok)
        problem_item(&row->problems, ERROR_DN_FORMAT, column, buf_string(&found), NULL);
}

static bool is_listed(const struct row_rules *rules, const char *ou) {
    for (size_t i = 0; i < rules->ous_count; i++)
        if (strcmp(rules->ous[i], ou) == 0)
            return true;
    return false;
}

/* OU is refused by the form, taken away (and nothing said), or must be on the permission list, byte for byte. */
static void check_ou(struct row *row, const struct row_rules *rules, int column) {
    size_t characters = 0;
    for (size_t i = 0; rules->policy->ou == POLICY_OU_LISTED && i < row->dn.count; i++) {
        const struct dn_element *e = &row->dn.element[i];
        if (e->attribute != DN_OU)
            continue;
        if (!is_listed(rules, e->value))
            problem_add(&row->problems, ERROR_OU_NOT_LISTED, column, e->value, NULL);
        buf_printf(&row->ous, "%s%s", row->ous.len > 0 ? "\t" : "", e->value);
        characters += strlen(e->value); /* the column holds half-width characters only */
    }
    if (characters <= OUS_MAX)
        return;
    char max[24], found[24];
    (void) snprintf(max, sizeof(max), "%d", OUS_MAX);
    (void) snprintf(found, sizeof(found), "%zu", characters);
    problem_add(&row->problems, ERROR_OU_TOO_LONG, column, max, found, NULL);
}

static void make_match_key(struct row *row, const struct row_rules *rules) {
    _cleanup_buf_ struct buf key = {0};
    buf_text(&key, row->cn);
    for (size_t i = 0; rules->match_ou && rules->policy->ou != POLICY_OU_STRIP && i < row->dn.count; i++)
        if (row->dn.element[i].attribute == DN_OU)
            buf_printf(&key, ",OU=%s", row->dn.element[i].value);
    row->match_key = buf_steal(&key);
    row->failed = row->failed || !row->match_key;
}

static void check_dn(struct row *row, const struct row_rules *rules) {
    int column = 0;
    const struct column *c = columns_get(&row->columns, rules->format, TSV_FIELD_DN, &column);
    if (c->len == 0)
        return;
    if (dn_parse(&row->dn, c->text) < 0) {
        row->failed = true;
        return;
    }
    check_form(row, rules, column);
    check_registered(row, rules, column);
    check_ou(row, rules, column);
    check_defaults(row, column);
    row_names_cn(row, rules, column);
    if (row->cn)
        make_match_key(row, rules);
}

static const struct policy_profile *check_profile(struct row *row, const struct row_rules *rules) {
    int column = 0;
    const struct column *c = columns_get(&row->columns, rules->format, TSV_FIELD_PROFILE, &column);
    if (c->len == 0 || !c->readable)
        return NULL;
    _cleanup_buf_ struct buf available = {0};
    for (int i = 0; i < rules->policy->profiles_count; i++) {
        const struct policy_profile *profile = &rules->policy->profiles[i];
        char id[16];
        (void) snprintf(id, sizeof(id), "%d", profile->id);
        if (strcmp(id, c->text) == 0) {
            row->profile = profile->id;
            return profile;
        }
        buf_printf(&available, "%s%s", i == 0 ? "" : ", ", id);
    }
    problem_item(&row->problems, ERROR_PROFILE_UNKNOWN, column, c->text, buf_string(&available), NULL);
    return NULL;
}

static void check_csr(struct row *row, const struct row_rules *rules, const struct policy_profile *profile) {
    int column = 0;
    const struct column *c = columns_get(&row->columns, rules->format, TSV_FIELD_CSR, &column);
    if (c->len == 0 || !c->readable)
        return;
    const struct dn *dn = row->dn.count > 0 ? &row->dn : NULL;
    if (csr_check(&row->csr, c->text, c->len, dn, profile, column, &row->problems) < 0)
        row->failed = true;
}

static void check_mail(struct row *row, const struct row_rules *rules) {
    int column = 0;
    const struct column *c = columns_get(&row->columns, rules->format, TSV_FIELD_MANAGER_MAIL, &column);
    if (c->len > 0 && c->readable && !name_is_mail(c->text))
        problem_item(&row->problems, ERROR_MAIL_FORMAT, column, c->text, NULL);
}

/* What is to be certified. */
static void check_request(struct row *row, const struct row_rules *rules) {
    check_dn(row, rules);
    const struct policy_profile *profile = check_profile(row, rules);
    check_csr(row, rules, profile);
    row_names_fqdn(row, rules);
    row_names_list(row, rules);
}

void row_check(struct row *ret, const struct row_rules *rules, const uint8_t *line, size_t len) {
    ret->problems.format = rules->format;
    if (columns_read(&ret->columns, line, len, &ret->problems) < 0) {
        ret->failed = true;
        return;
    }
    if (rules->expired)
        problem_add(&ret->problems, ERROR_ISSUING_EXPIRED, 0, NULL);
    if (rules->policy_changed)
        problem_add(&ret->problems, ERROR_POLICY_CHANGED, 0, NULL);
    if (rules->format->deed != TSV_ISSUE)
        row_target_read(ret);
    if (tsv_is_request(rules->format->deed))
        check_request(ret, rules);
    else
        row_target_dn(ret);
    if (rules->format->deed == TSV_MANAGER)
        row_names_fqdn(ret, rules);
    check_mail(ret, rules);
    ret->failed = ret->failed || ret->problems.failed || ret->names.failed || ret->ous.failed || ret->domains.failed;
}
