#include "services/ingress/pages/texts.h"

static const struct {
    const char *id;
    const char *text[2]; /* by enum language */
} texts[] = {
#define TEXT(id, ja, en) [TEXT_##id] = {#id, {[LANGUAGE_JA] = ja, [LANGUAGE_EN] = en}},
#include "services/ingress/pages/texts.def"
#undef TEXT
};

const char *text_get(enum text text, enum language language) {
    return texts[text].text[language == LANGUAGE_EN];
}

json_t *text_catalogue(enum language language) {
    json_t *catalogue = json_object();
    for (size_t i = 0; catalogue && i < TEXT_COUNT; i++)
        if (json_object_set_new_nocheck(catalogue, texts[i].id, json_string(text_get((enum text) i, language))) < 0) {
            json_decref(catalogue);
            return NULL;
        }
    return catalogue;
}
