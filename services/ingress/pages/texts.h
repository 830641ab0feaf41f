/* The words of the pages, services/ingress/pages/texts.def, in both languages. */
#pragma once

#include "services/ingress/http/http.h"

enum text {
#define TEXT(id, ja, en) TEXT_##id,
#include "services/ingress/pages/texts.def"
#undef TEXT
    TEXT_COUNT,
};

const char *text_get(enum text text, enum language language);
/* {id: text}, for {{t.id}} in templates. New reference, NULL without memory. */
json_t *text_catalogue(enum language language);
