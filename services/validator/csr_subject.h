/* The subject of a CSR is compared with the DN of the row, never copied. */
#pragma once

#include <openssl/x509.h>

#include "dn.h"
#include "problems.h"

/*
 * The same values for the same attributes, in the order C,ST,L,O,OU,CN or exactly the reverse, one attribute an RDN.
 * One error 917 names every difference; 928 tells of OpenSSL's default values.
 */
void csr_subject_check(const X509_NAME *subject, const struct dn *dn, int column, struct problems *problems);
