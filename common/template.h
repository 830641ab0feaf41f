/*
 * Mustache subset over jansson values: {{name}} escaped, {{{name}}} as it is, {{#list}}…{{/list}}, {{^empty}}…{{/empty}},
 * {{>partial}}, {{!comment}}, dotted names, {{.}}. Used for pages (HTML escaping) and mails (no escaping).
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

enum template_escape { TEMPLATE_HTML, TEMPLATE_NONE };

/* Returns the text of a partial (owned by the caller of template_render) or NULL. */
typedef const char *(*template_partial)(void *ctx, const char *name);

/* 0, -EINVAL (malformed template: unclosed or crossed sections), -ELOOP (partials nested deeper than 8), -ENOMEM. */
int template_render(struct buf *to, const char *text, json_t *data, enum template_escape escape,
                    template_partial partial, void *ctx);
