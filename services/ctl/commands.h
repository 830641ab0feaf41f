/* Every command's handler, statements and options, for the table in main.c. */
#pragma once

#include "ctl.h"

#define COMMAND_DECLARE(name)                                                                                          \
    int name##_run(struct ctl *c);                                                                                     \
    extern const struct command_option name##_options[];                                                               \
    extern const struct statement *const name##_statements[];

COMMAND_DECLARE(organisation_add)
COMMAND_DECLARE(organisation_list)
COMMAND_DECLARE(organisation_show)
COMMAND_DECLARE(organisation_change)
COMMAND_DECLARE(organisation_remove)
COMMAND_DECLARE(domain_add)
COMMAND_DECLARE(domain_list)
COMMAND_DECLARE(domain_show)
COMMAND_DECLARE(domain_change)
COMMAND_DECLARE(domain_examine)
COMMAND_DECLARE(domain_remove)
COMMAND_DECLARE(ou_add)
COMMAND_DECLARE(ou_list)
COMMAND_DECLARE(ou_remove)
COMMAND_DECLARE(registrar_add)
COMMAND_DECLARE(registrar_list)
COMMAND_DECLARE(registrar_show)
COMMAND_DECLARE(registrar_change)
COMMAND_DECLARE(registrar_remove)
COMMAND_DECLARE(revoke)
COMMAND_DECLARE(revoke_list)
COMMAND_DECLARE(revoke_show)
COMMAND_DECLARE(key_block)
COMMAND_DECLARE(key_show)
COMMAND_DECLARE(link_list)
COMMAND_DECLARE(link_resend)
COMMAND_DECLARE(job_list)
COMMAND_DECLARE(job_retry)
COMMAND_DECLARE(job_discard)
COMMAND_DECLARE(bus_key)
COMMAND_DECLARE(whois_ask)
COMMAND_DECLARE(whois_flush)
COMMAND_DECLARE(policy_load)
COMMAND_DECLARE(policy_list)
COMMAND_DECLARE(policy_show)
COMMAND_DECLARE(ca_init)
COMMAND_DECLARE(ca_list)
COMMAND_DECLARE(ca_activate)
COMMAND_DECLARE(ca_retire)
COMMAND_DECLARE(ca_renew)
COMMAND_DECLARE(audit_verify)
COMMAND_DECLARE(audit_list)
COMMAND_DECLARE(audit_epoch)
COMMAND_DECLARE(database_migrate)
COMMAND_DECLARE(database_status)
COMMAND_DECLARE(database_drill)
COMMAND_DECLARE(halt)
COMMAND_DECLARE(resume)
COMMAND_DECLARE(health)
COMMAND_DECLARE(status)
COMMAND_DECLARE(upload)

extern const struct command ctl_commands[]; /* ended by {0} */
