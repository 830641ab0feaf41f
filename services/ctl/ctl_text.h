/* What operators may write into the register. Each returns 0 or, having said why, CTL_USAGE. NULL (not given) passes. */
#pragma once

#include <stddef.h>

/* UTF-8 without characters that cannot be seen, not empty, no blank at either end, at most max characters. */
int ctl_check_text(const char *option, const char *text, size_t max);
/* The same, but empty is allowed. */
int ctl_check_text_or_empty(const char *option, const char *text, size_t max);
/*
 * A value that stands in subjects: of the characters that the column of the DN takes, without those forbidden ("=" would hide
 * another attribute: ST="Tokyo, C=JP", December 2025), and none that says nothing.
 */
int ctl_check_subject(const char *option, const char *text, size_t max, const char *forbidden);
int ctl_check_word(const char *option, const char *text, const char *const *words);
int ctl_check_mail(const char *option, const char *text);
/* Lower-case A-labels (RFC 5890 2.3.1) without final dot, two at least; ret has room for 254 bytes. */
int ctl_domain(const char *text, char ret[static 254]);
/* What must hold for a domain that an organisation may apply for: the same function that judges the names of each row. */
int ctl_check_public(const char *domain);
