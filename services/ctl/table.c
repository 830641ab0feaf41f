/* Every command of inkanctl: name, arguments, help, examples. Options and handlers: <noun>.c. */
#include "commands.h"

#define COMMAND(title, symbol, words, text, shown, ...)                                                                \
    {                                                                                                                  \
        .name = (title), .arguments = (words), .summary = (text), .examples = (shown), .options = symbol##_options,    \
        .statements = symbol##_statements, .run = symbol##_run, __VA_ARGS__                                            \
    }

const struct command ctl_commands[] = {
    COMMAND(
        "organisation add", organisation_add, NULL, "Enter a 機関 as examined.",
        "organisation add --name-ja 申請大学 --name-en 'Shinsei University' --st Tokyo --l Chiyoda-ku --issue-until "
        "2027-03-31\n"),
    COMMAND("organisation list", organisation_list, NULL, "All organisations.", "organisation list --json\n"),
    COMMAND("organisation show", organisation_show, "ID|NAME", "One organisation, by number or English name.",
            "organisation show 1\norganisation show 'Shinsei University'\n"),
    COMMAND("organisation change", organisation_change, "ID|NAME", "Change what is given, leave the rest.",
            "organisation change 1 --issue-until 2028-03-31\norganisation change 1 --state suspended\n"),
    COMMAND("organisation remove", organisation_remove, "ID|NAME", "Close it: no upload is taken any more.",
            "organisation remove 3\n", .details = "Its certificates and its history stay.\n"),

    COMMAND("domain add", domain_add, "DOMAIN", "Enter a domain that an organisation may apply for.",
            "domain add example.ac.jp --organisation 1 --registrant-ja 申請大学 --registrant-en 'Shinsei University'\n"
            "domain add example.org --organisation 'Shinsei University'\n",
            .details =
                "With a registrant it is permitted at once, unless --state says otherwise; without one it waits\n"
                "(pending) for `domain examine`.\n"),
    COMMAND("domain list", domain_list, NULL, "Domains with their registrants.",
            "domain list\ndomain list --organisation 1 --json\n"),
    COMMAND("domain show", domain_show, "DOMAIN", "One domain.", "domain show example.ac.jp\n"),
    COMMAND("domain change", domain_change, "DOMAIN", "Change what is given, leave the rest.",
            "domain change example.ac.jp --state suspended\ndomain change example.ac.jp --registrant-ja 申請大学\n"),
    COMMAND("domain examine", domain_examine, "DOMAIN", "Take the registrant as WHOIS answers now.",
            "domain examine example.ac.jp\n",
            .details =
                "A pending domain becomes permitted, a suspended one stays so. Nothing changes when WHOIS names\n"
                "no registrant (exit code 4). Look first, and compare: `whois ask`.\n"),
    COMMAND("domain remove", domain_remove, "DOMAIN", "Suspend it: nothing is issued for it any more.",
            "domain remove example.ac.jp\n", .details = "`domain change DOMAIN --state permitted` takes it back.\n"),

    COMMAND("ou add", ou_add, "ORGANISATION OU", "Enter an OU that an organisation may write (許可リスト).",
            "ou add 1 'Media Center'\n",
            .details = "It counts where the policy has ou = listed; other values of OU are refused with 371.\n"),
    COMMAND("ou list", ou_list, NULL, "The permission lists.", "ou list\nou list --organisation 1 --json\n"),
    COMMAND("ou remove", ou_remove, "ORGANISATION OU", "Take an OU off the list.", "ou remove 1 'Media Center'\n",
            .details = "Returns when the last signing in flight has committed; accepted rows with it fail (941).\n"),

    COMMAND("registrar add", registrar_add, NULL, "Enter a 登録担当者 with a TLS client certificate.",
            "registrar add --organisation 1 --name '登録 花子' --mail toroku@example.ac.jp --certificate toroku.pem\n"),
    COMMAND("registrar list", registrar_list, NULL, "Registrars.", "registrar list --organisation 1\n"),
    COMMAND("registrar show", registrar_show, "ID", "One registrar.", "registrar show 2\n"),
    COMMAND("registrar change", registrar_change, "ID", "Change what is given, leave the rest.",
            "registrar change 2 --certificate new.pem\nregistrar change 2 --state active\n"),
    COMMAND("registrar remove", registrar_remove, "ID", "Refuse the registrar from now on.", "registrar remove 2\n"),

    COMMAND("revoke", revoke, NULL, "Revoke many certificates for one reason: first a dry run, then --execute.",
            "revoke --reason 4 --comment 'wrong ST' --file serials.txt\n"
            "revoke --reason 1 --comment 'key published' --key leaked.pem --execute 5be1c0ffee0123456789\n"
            "revoke --reason 9 --comment 'left the service' --organisation 12\n"
            "revoke --reason 4 --comment 'bug 17' --profile 3 --issued-from 2026-04-01 --issued-until 2026-04-20\n"
            "revoke list\nrevoke show 3 --json\n",
            .details =
                "Criteria may be combined; what fits all of them is selected. Without --execute nothing is stored: the "
                "counts are\n"
                "shown, and a code that pins the selection and the reason. With --execute CODE it is done if the "
                "selection is\n"
                "still the same. Applications that are being issued (in flight) are selected too and end in an error.\n"
                "The signer revokes chunk by chunk; `revoke show N` tells how far it is. Managers get a mail a "
                "certificate,\n"
                "registrars one for all. Exit code 3 when nothing is selected, 4 when the code is another.\n"),
    COMMAND("revoke list", revoke_list, NULL, "Campaigns, the newest first.", "revoke list --json\n"),
    COMMAND("revoke show", revoke_show, "N", "How far a campaign is, by organisation.", "revoke show 3\n"),
    COMMAND("key block", key_block, NULL, "Refuse keys for ever that others report as compromised.",
            "key block --key leaked.pem --reason 'report 2026-17'\n"
            "key block --file hashes.txt --reason 'published list of 3 April'\n",
            .details = "Returns when the last signing in flight has committed. Says how many valid certificates\n"
                       "have these keys (`revoke --reason 1 --key …`), and how many accepted applications (in\n"
                       "flight), which end in error 945.\n"),
    COMMAND("key show", key_show, NULL, "Whether a key was used here or is blocked, and by what.",
            "key show --key leaked.pem\n"),
    COMMAND("link list", link_list, NULL, "The newest link of each valid certificate, oldest first.",
            "link list --unfetched\nlink list --unfetched --organisation 1 --json\n"),
    COMMAND("link resend", link_resend, "SERIAL|APPLICATION", "Mail a certificate's manager a new one-time link.",
            "link resend 1911649278160095962 --reason 'asked for by telephone'\n"
            "link resend 0x1a87d2f3c5e9b0d4 --mail kanri@example.ac.jp --reason 'the address was wrong'\n",
            .details =
                "The old link dies. With --mail the address holds for later notices too; the audit keeps the old\n"
                "one.\n"),

    COMMAND("job list", job_list, NULL, "Work that is not done, in the order in which it will be.",
            "job list\njob list --stage send --json\n"),
    COMMAND("job retry", job_retry, "ID", "Make a waiting job due now, with all its attempts again.", "job retry 17\n"),
    COMMAND("job discard", job_discard, "ID", "Give a job up, with a reason that the audit keeps.",
            "job discard 17 --reason 'the relay is gone for good'\n",
            .details = "check, decide, sign, revoke: its daemon ends the rows that it holds in an error (944), and the "
                       "upload goes on.\n"
                       "ask: its domain counts as not answered, and the upload is decided so. send: its mails end as "
                       "failed and are\n"
                       "not sent; links can be sent again. Periodic ones (crl, ocsp, remind) are refused: they would "
                       "come again.\n"),

    COMMAND("bus key", bus_key, "FILE", "Make a daemon's key for hints over tcp://, and print its public half.",
            "bus key /etc/inkan/keys/signer.bus\n",
            .details = "The file is for bus.key of that daemon; the public key goes into the file bus.peers of all.\n"),

    COMMAND("whois ask", whois_ask, "DOMAIN", "What WHOIS says now, asked by inkan-whois.", "whois ask example.ac.jp\n",
            .details = "The answer is recorded, and serves uploads as any other.\n"),
    COMMAND("whois flush", whois_flush, "[DOMAIN]", "Forget recorded answers.",
            "whois flush\nwhois flush example.ac.jp\n",
            .details = "Answers that an undecided upload may rest on stay.\n"),

    COMMAND("halt", halt, NULL, "Stop all signing.", "halt --reason 'key ceremony'\n",
            .details = "Returns when the last signing in flight has committed. Uploads are still taken and checked.\n"),
    COMMAND("resume", resume, NULL, "Sign again.", "resume\n"),

    COMMAND("policy load", policy_load, "FILE", "Check a certificate policy and put it in force.",
            "policy load deploy/policy/upki-2026.conf\n",
            .details =
                "Uploads that are being checked under another policy are checked no further under this one: the\n"
                "signer refuses rows of another policy.\n"),
    COMMAND("policy list", policy_list, NULL, "Every policy that was ever in force.", "policy list\n"),
    COMMAND("policy show", policy_show, NULL, "The policy in force, with its text.", "policy show\n"),

    COMMAND(
        "ca init", ca_init, NULL, "Make a root and an issuing CA, and enter the issuing CA.",
        "ca init --directory /root/ca --name 'Shinsei CA 1' --key ec:P-384\n"
        "ca init --directory ca --name 'Test CA' --key rsa:2048 --shards 4\n",
        .details =
            "Writes root.key.pem, root.pem, issuing.key.pem, issuing.pem, chain.pem (issuing and root), audit.key.pem\n"
            "and audit.pub.pem (Ed25519, seals the audit); keys are unencrypted and readable by their owner alone.\n"
            "The signer gets issuing.key.pem and audit.key.pem; the root's key belongs off this machine.\n"
            "The first CA is active at once; later ones wait for `ca activate`.\n"),
    COMMAND("ca list", ca_list, NULL, "Issuing CAs.", "ca list\n"),
    COMMAND("ca activate", ca_activate, "ID", "Sign with this CA from now on.", "ca activate 2\n",
            .details = "A signer with its key must run (signer.key); the one with the old key goes on: CRLs, OCSP.\n"),
    COMMAND("ca retire", ca_retire, "ID", "No more CRLs and OCSP of a CA whose certificates have all ended.",
            "ca retire 1\n", .details = "Then the signer that has its key can go.\n"),
    COMMAND("ca renew", ca_renew, "ID", "A new certificate for an issuing CA: same names, same key, new validity.",
            "ca renew 1 --directory /root/ca --years 10\n",
            .details = "Keeps the old files under the old certificate's hash. Restart the signers afterwards.\n"),

    COMMAND("upload", upload, "FILE", "Send a TSV file as a registrar, wait for its end, show each row.",
            "upload --url https://upki.example.jp:8443 --certificate me.pem --key me.key --confirmed server.tsv\n"
            "upload --url https://upki.example.jp:8443 --certificate me.pem --key me.key --dry-run server.tsv --json\n",
            .details = "Exit code 4 when the file was rejected or a row has an error.\n"),
    COMMAND("status", status, NULL, "One screen that tells whether all is well, and what to do where it is not.",
            "status\nstatus --json\n", .offline = true,
            .details =
                "Daemons, halt, queues, CRLs, certificates of the service, WHOIS, mails, audit. Each finding says "
                "what to do.\n"
                "Exit code 0 when all is well, 1 when not. Fit for a monitoring system that runs commands.\n"),
    COMMAND("health", health, NULL, "Ask each daemon whether it can work.", "health\nhealth --json\n",
            .details = "The addresses are those of [health] in the settings. Exit code 1 when one is not ready.\n"),

    COMMAND(
        "audit verify", audit_verify, NULL, "Compute every seal of the audit again, outside the database.",
        "audit verify\naudit verify --key audit.pub.pem --head 1742:6f3a… --json\n",
        .details =
            "Checks numbers, signatures, links and ranges of all seals, hashes every event they cover, and compares\n"
            "the counts of certificates, revocations, links, mails and failed rows with the events that tell of them. "
            "Exit code 4 on any trouble. Keep the head it prints\n"
            "(and audit.pub.pem) elsewhere: with --head a later run notices seals cut off at the end (--heads: the\n"
            "file that the mailer keeps).\n"),
    COMMAND(
        "audit epoch", audit_epoch, NULL, "Let the audit go on after the database was restored from a dump.",
        "audit epoch --reason 'restored from the dump of 3 April'\n",
        .details =
            "Refused where the seals are of this cluster, and while the chain that was restored does not verify.\n"),
    COMMAND("audit list", audit_list, NULL, "The newest events.",
            "audit list --limit 20\naudit list --upload 17 --json\n"),

    COMMAND(
        "database migrate", database_migrate, "DIRECTORY", "Bring the schema up to date, and the roles' rights.",
        "--database postgresql:///inkan?user=postgres database migrate deploy/schema\n", .owner = true,
        .details =
            "Applies NNNN-*.sql in order, each in a transaction of its own, then roles.sql. Run it as the database's\n"
            "owner. A file that was applied once and has changed is refused. May be run again at any time.\n"),
    COMMAND("database status", database_status, NULL, "Which migrations are applied.", "database status\n",
            .details = "Exit code 4 when the schema is not the one this inkanctl was built for.\n"),
    COMMAND("database drill", database_drill, NULL, "Record that a backup was restored on trial.",
            "database drill --comment 'base backup of 3 April on the spare machine, 14 minutes, audit verified'\n",
            .details = "The audit keeps it, and `status` shows the last one.\n"),
    {0},
};
