/* The host names of a row: CN, 利用管理者FQDN and dNSName, all of them checked in one way. */
#pragma once

#include "row.h"

/*
 * CN of the DN: a host name in a permitted domain. Sets row->cn and begins row->names with it. Errors of the name stand
 * at 利用管理者FQDN when that is the same name, else at the DN's column.
 */
void row_names_cn(struct row *row, const struct row_rules *rules, int column);
/* 利用管理者FQDN: equal to CN. */
void row_names_fqdn(struct row *row, const struct row_rules *rules);
/* dNSName: "dNSName=a,dNSName=b"; adds to row->names what is not there yet. */
void row_names_list(struct row *row, const struct row_rules *rules);
