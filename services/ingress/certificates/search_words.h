#pragma once

#include "service.h"

#define SEARCH_WORDS_INTERVAL_USEC (2 * USEC_PER_SEC)

/* A timer of the ingress. What is due in the database is entered; a search finds it before, too, but looks at each. */
int search_words_fire(struct context *c);
void search_words_measure(void);
