#include "row_names.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define PREFIX "dNSName="
#define PREFIX_LEN (sizeof(PREFIX) - 1)

static char *lower_copy(const char *name, size_t len) {
    char *copy = strndup(name, len);
    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char) (*p + ('a' - 'A'));
    return copy;
}

/* Whether a list joined by ',' holds the item. */
static bool list_has(const struct buf *list, const char *item) {
    size_t len = strlen(item);
    for (const char *p = buf_string(list); (p = strstr(p, item)); p++)
        if ((p == list->data || p[-1] == ',') && (p[len] == ',' || p[len] == '\0'))
            return true;
    return false;
}

static void list_add(struct buf *list, const char *item) {
    if (list_has(list, item))
        return;
    if (list->len > 0)
        buf_char(list, ',');
    buf_text(list, item);
}

/* Every name is looked at, each for itself (2020-02-29: one of N names was checked N times). */
static void check_domain(struct row *row, const struct row_rules *rules, const char *lower, int column) {
    const struct name_domain *domain = name_domain_of(lower, rules->domains, rules->domains_count);
    if (!domain || !domain->permitted) {
        problem_add(&row->problems, ERROR_DOMAIN_NOT_PERMITTED, column, lower, NULL);
        return;
    }
    char id[24];
    (void) snprintf(id, sizeof(id), "%lld", (long long) domain->id);
    list_add(&row->domains, id);
}

static bool check_host(struct row *row, const char *name, int column) {
    char reason[NAME_REASON_MAX];
    bool is_host = name_is_host(name, reason);
    if (is_host && name_is_public(name, reason))
        return true;
    problem_item(&row->problems, is_host ? ERROR_NAME_NOT_PUBLIC : ERROR_NAME_FORMAT, column, name, reason, NULL);
    return false;
}

/* The column where the name is judged: CN and FQDN are one name in two columns, and one error is enough. */
static int column_of_cn(const struct row *row, const struct row_rules *rules, const char *cn, int dn_column) {
    int column = 0;
    const struct column *fqdn = columns_get(&row->columns, rules->format, TSV_FIELD_FQDN, &column);
    return strcmp(fqdn->text, cn) == 0 ? column : dn_column;
}

void row_names_cn(struct row *row, const struct row_rules *rules, int column) {
    const char *cn = dn_value(&row->dn, DN_CN);
    if (!cn || !*cn)
        return;
    column = column_of_cn(row, rules, cn, column);
    if (!check_host(row, cn, column))
        return;
    if (strlen(cn) > NAME_CN_MAX) {
        char reason[NAME_REASON_MAX];
        (void) snprintf(reason, sizeof(reason), "%zu > %d", strlen(cn), NAME_CN_MAX);
        problem_item(&row->problems, ERROR_NAME_FORMAT, column, cn, reason, NULL);
        return;
    }
    row->cn = lower_copy(cn, strlen(cn));
    if (!row->cn) {
        row->failed = true;
        return;
    }
    list_add(&row->names, row->cn);
    check_domain(row, rules, row->cn, column);
}

void row_names_fqdn(struct row *row, const struct row_rules *rules) {
    int column = 0;
    const struct column *c = columns_get(&row->columns, rules->format, TSV_FIELD_FQDN, &column);
    if (c->len == 0 || !c->readable)
        return;
    const char *cn = dn_value(&row->dn, DN_CN);
    if (cn && strcmp(cn, c->text) == 0)
        return; /* judged with CN */
    (void) check_host(row, c->text, column);
    if (cn)
        problem_item(&row->problems, ERROR_FQDN_NOT_CN, column, c->text, cn, NULL);
}

struct list {
    struct row *row;
    const struct row_rules *rules;
    int column;
    int names; /* listed */
    bool form_wrong;
    bool has_fqdn;
    struct buf listed; /* lower case, joined by ',' */
};

static void take_name(struct list *l, const char *name) {
    l->names++;
    if (!check_host(l->row, name, l->column))
        return;
    _cleanup_free_
    char *lower = lower_copy(name, strlen(name));
    if (!lower) {
        l->row->failed = true;
        return;
    }
    if (list_has(&l->listed, lower)) {
        problem_item(&l->row->problems, ERROR_DNSNAME_DOUBLE, l->column, lower, NULL);
        return;
    }
    list_add(&l->listed, lower);
    if (l->row->cn && strcmp(l->row->cn, lower) == 0) {
        l->has_fqdn = true;
        return; /* judged as CN */
    }
    check_domain(l->row, l->rules, lower, l->column);
    list_add(&l->row->names, lower);
}

static void take_part(struct list *l, const char *part, size_t len) {
    if (len <= PREFIX_LEN || strncmp(part, PREFIX, PREFIX_LEN) != 0) {
        l->form_wrong = true;
        return;
    }
    _cleanup_free_
    char *name = strndup(part + PREFIX_LEN, len - PREFIX_LEN);
    if (name)
        take_name(l, name);
    else
        l->row->failed = true;
}

static void check_totals(const struct list *l, const struct column *c, const struct tsv_column *rule) {
    struct problems *p = &l->row->problems;
    char max[24], found[24];
    if (l->form_wrong)
        problem_item(p, ERROR_DNSNAME_FORM, l->column, c->text, NULL);
    if (l->names > l->rules->policy->names_max) {
        (void) snprintf(max, sizeof(max), "%d", l->rules->policy->names_max);
        (void) snprintf(found, sizeof(found), "%d", l->names);
        problem_item(p, ERROR_DNSNAME_COUNT, l->column, max, found, NULL);
    }
    /* The FQDN that is added counts into the column's length. */
    size_t added = l->row->cn && !l->has_fqdn ? 1 + PREFIX_LEN + strlen(l->row->cn) : 0;
    if (c->len + added > (size_t) rule->max) {
        (void) snprintf(max, sizeof(max), "%d", rule->max);
        (void) snprintf(found, sizeof(found), "%zu", c->len + added);
        problem_item(p, ERROR_TOO_LONG, l->column, max, found, NULL);
    }
}

void row_names_list(struct row *row, const struct row_rules *rules) {
    struct list l = {.row = row, .rules = rules};
    const struct column *c = columns_get(&row->columns, rules->format, TSV_FIELD_DNSNAMES, &l.column);
    const struct tsv_column *rule = &rules->format->columns[l.column - 1];
    /* Of what is too long anyway the names are not looked at. */
    if (c->len == 0 || !c->readable || c->len > (size_t) rule->max)
        return;
    for (const char *part = c->text;;) {
        size_t len = strcspn(part, ",");
        take_part(&l, part, len);
        if (!part[len])
            break;
        part += len + 1;
    }
    check_totals(&l, c, rule);
    row->failed = row->failed || l.listed.failed;
    buf_done(&l.listed);
}
