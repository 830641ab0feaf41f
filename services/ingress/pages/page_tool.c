/*
 * The TSV tool: a page that the browser fills by itself (services/ingress/web), and the formats of the files in words. Whoever
 * makes a file of applications need not be a registrar, so it asks for no login and stands on both listeners.
 */
#include <stdio.h>

#include "policy.h"
#include "proto/tsv.h"
#include "services/ingress/pages/page_parts.h"

static json_t *columns(const struct request *r, const struct tsv_format *format) {
    bool english = r->language == LANGUAGE_EN;
    json_t *list = json_array();
    for (size_t i = 0; i < format->columns_count; i++) {
        const struct tsv_column *c = &format->columns[i];
        enum text need = c->required             ? TEXT_tool_required
                         : c->class == TSV_EMPTY ? TEXT_tool_empty
                                                 : TEXT_tool_optional;
        const struct tsv_class_rule *class = &tsv_classes[c->class];
        char max[16] = "";
        if (c->max > 0)
            (void) snprintf(max, sizeof(max), "%d", c->max);
        (void) json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s, s:s}", "number", (json_int_t) i + 1, "item",
                                                     english ? c->item_en : c->item, "need",
                                                     text_get(need, r->language), "characters",
                                                     c->class == TSV_EMPTY ? ""
                                                     : english             ? class->en
                                                                           : class->ja,
                                                     "max", max));
    }
    return list;
}

static json_t *formats(const struct request *r) {
    json_t *list = json_array();
    const struct tsv_format *format;
    for (size_t i = 0; (format = tsv_format_at(i)); i++)
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "kind", format->kind, "title",
                                                     page_kind_title(r, format->kind), "columns", columns(r, format)));
    return list;
}

/* The last one is what new keys are for: the file of the policy lists the oldest first. */
static json_t *profiles(const struct policy *policy) {
    json_t *list = json_array();
    for (int i = 0; i < policy->profiles_count; i++) {
        const struct policy_profile *p = &policy->profiles[i];
        char id[16], key[32];
        (void) snprintf(id, sizeof(id), "%d", p->id);
        (void) snprintf(key, sizeof(key), p->key == POLICY_KEY_RSA ? "rsa:%d" : "ec:secp%dr1", p->bits);
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "id", id, "key", key, "label", p->label,
                                                     "chosen", (int) (i == policy->profiles_count - 1)));
    }
    return list;
}

/* What the checks in the browser need to know of the policy. */
static json_t *policy_text(const struct policy *policy, json_t *profiles, int64_t rows_max) {
    static const char *const ou[] = {
        [POLICY_OU_REFUSE] = "refuse", [POLICY_OU_STRIP] = "strip", [POLICY_OU_LISTED] = "listed"};
    json_auto_t *facts =
        json_pack("{s:O, s:i, s:I, s:s, s:b, s:b}", "profiles", profiles, "namesMax", policy->names_max, "rowsMax",
                  (json_int_t) rows_max, "ou", ou[policy->ou], "locality", (int) policy->locality, "stateOrProvince",
                  (int) policy->state_or_province);
    char *text = json_dumps(facts, JSON_COMPACT);
    json_t *string = json_string(text);
    free(text);
    return string;
}

int page_tool(struct thread *t, struct request *r, struct reply *p) {
    const struct policy *policy = NULL;
    int result = service_policy(t->context, r->listener == LISTENER_REGISTRAR ? t->db : t->db_public, &policy);
    if (result < 0)
        return result;
    int64_t rows_max = t->context->shared.upload_rows_max;
    json_auto_t *list = profiles(policy);
    return page_send(r, p, 200, "tool",
                     json_pack("{s:s, s:{s:s, s:b}, s:o, s:O, s:o, s:I}", "title",
                               text_get(TEXT_tool_title, r->language), "page", "script", "tsv-tool.js", "alone", 1,
                               "formats", formats(r), "profiles", list, "policy", policy_text(policy, list, rows_max),
                               "rows_max", (json_int_t) rows_max));
}
