"""After any run: is everything as it was promised? An independent judge that knows the tables and docs/, and none of the product's
code: it reads the rows of the files again, the certificates, the CRLs and the mails, and says in words what does not fit.

    checker.troubles(query, mails, received) -> [text, …]

query(sql, *args) gives rows; mails are the delivered mails as bytes; received maps the id of an upload that a client was told of to
the file it sent.
"""
import base64
import collections
import email
import email.policy
import hashlib
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from . import audit

SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
CSR, FQDN, DNS_NAMES = 6, 10, 12  # columns from 0
REQUESTS = ("server-issue", "server-renew")
UUID = re.compile(r"[0-9a-f-]{36}")
SHOWN = 5  # cases of one kind of trouble


class Findings:
    def __init__(self, query):
        self.query = query
        self.found = []

    def none(self, what, sql, *args):
        """Every row that the query gives is a trouble."""
        rows = self.query(sql, *args)
        if rows:
            self.found.append(f"{what}: {len(rows)} cases, {[tuple(r) for r in rows[:SHOWN]]}")

    def equal(self, what, one, other):
        if one != other:
            self.found.append(f"{what}: {one} and {other}")

    def each(self, what, cases):
        cases = list(cases)
        if cases:
            self.found.append(f"{what}: {len(cases)} cases, {cases[:SHOWN]}")


def troubles(query, mails=None, received=None):
    f = Findings(query)
    for part in (ended, refused, decided_once, issued, revoked, links_and_notices, standing_still):
        part(f)
    if mails is not None:
        delivered(f, mails)
    kept(f, received or {})
    f.found += audit.troubles(query)
    return f.found


# ---- uploads and their rows

def ended(f):
    f.none("uploads that have not ended", "SELECT id, state FROM upload WHERE state NOT IN ('done', 'rejected')")
    f.none("uploads with open counters", "SELECT id, open_chunks, open_asks FROM upload WHERE open_chunks <> 0 OR open_asks <> 0")
    f.none("lines without a result", "SELECT l.upload, l.seq FROM upload_line l LEFT JOIN application a USING (upload, seq) WHERE a.id IS NULL")
    f.none("uploads whose counts are not those of their rows",
           "SELECT u.id, u.rows_ok, u.rows_ng FROM upload u JOIN application a ON a.upload = u.id GROUP BY u.id HAVING count(*) <> u.rows_total"
           " OR u.rows_ok + u.rows_ng <> u.rows_total"
           " OR (u.state = 'done' AND u.rows_ok <> count(*) FILTER (WHERE a.state = 'valid'))")
    f.none("uploads without one event of their receipt",
           "SELECT u.id, count(e.id) FROM upload u LEFT JOIN audit_event e ON e.upload = u.id AND e.kind = 'upload_received'"
           " GROUP BY u.id HAVING count(e.id) <> 1")
    f.none("uploads without one event of their decision",
           "SELECT u.id, u.state, count(e.id) FROM upload u LEFT JOIN audit_event e ON e.upload = u.id"
           " AND e.kind IN ('upload_accepted', 'upload_rejected', 'dry_run_ended') GROUP BY u.id HAVING count(e.id) <> 1")


def refused(f):
    f.none("refused rows without a reason of their own, in a file in which none is wrong",
           "SELECT a.id, a.state FROM application a JOIN upload u ON u.id = a.upload WHERE a.state <> 'valid' AND a.errors = '[]'"
           " AND (a.state <> 'refused' OR u.state <> 'rejected')")
    f.none("good rows with errors", "SELECT a.id FROM application a WHERE a.state = 'valid' AND a.errors <> '[]'")
    f.none("errors without code or symbol", "SELECT a.id, e FROM application a, jsonb_array_elements(a.errors) e"
           " WHERE e->>'symbol' IS NULL OR e->>'code' IS NULL")
    f.none("rejected uploads in which nothing is wrong",
           "SELECT u.id FROM upload u WHERE u.state = 'rejected' AND u.errors = '[]'"
           " AND NOT EXISTS (SELECT FROM application a WHERE a.upload = u.id AND a.errors <> '[]')")
    f.none("accepted uploads in which nothing is good, or that were to be refused as a whole",
           "SELECT u.id FROM upload u WHERE u.state = 'done' AND NOT u.dry_run AND u.decided IS NOT NULL AND ("
           " NOT EXISTS (SELECT FROM application a WHERE a.upload = u.id AND a.state IN ('valid', 'failed'))"
           " OR (u.on_error = 'abort' AND EXISTS (SELECT FROM application a WHERE a.upload = u.id AND a.state IN ('invalid', 'refused'))))")
    barren = ("FROM application a JOIN upload u ON u.id = a.upload WHERE (u.state = 'rejected' OR u.dry_run OR a.state IN ('invalid', 'refused'))"
              " AND EXISTS (SELECT FROM {} t WHERE t.{} = a.id)")
    for table, column in (("dn_taken", "application"), ("dn_taken", "renewing"), ("key_seen", "application"), ("intent", "application"),
                          ("certificate", "application"), ("revocation", "application")):
        f.none(f"refused rows that left something in {table}.{column}", "SELECT a.id, u.id " + barren.format(table, column))
    f.none("failed rows without one event, or that hold their name",
           "SELECT a.id FROM application a WHERE a.state = 'failed' AND ("
           " (SELECT count(*) FROM audit_event e WHERE e.kind = 'row_failed' AND e.application = a.id) <> 1"
           " OR EXISTS (SELECT FROM dn_taken t WHERE a.id IN (t.application, t.renewing))"
           " OR EXISTS (SELECT FROM certificate c WHERE c.application = a.id))")


def decided_once(f):
    """What accepted rows ended in: each deed once, each with its one event."""
    good = " FROM application a JOIN upload u ON u.id = a.upload {} WHERE a.state = 'valid' AND u.state = 'done' AND NOT u.dry_run AND u.kind = ANY (%s) "
    for what, kinds, table, column, event in (
            ("certificate", ["server-issue", "server-renew"], "certificate", "application", "certificate_issued"),
            ("revocation", ["server-revoke"], "revocation", "application", "certificate_revoked")):
        f.none(f"accepted rows without one {what}",
               f"SELECT a.id, count(t.{column})" + good.format(f"LEFT JOIN {table} t ON t.{column} = a.id") + f"GROUP BY a.id HAVING count(t.{column}) <> 1", kinds)
        f.none(f"accepted rows without one event {event}",
               "SELECT a.id, count(e.id)" + good.format(f"LEFT JOIN audit_event e ON e.application = a.id AND e.kind = '{event}'")
               + "GROUP BY a.id HAVING count(e.id) <> 1", kinds)
    f.none("accepted rows without one event manager_changed",
           "SELECT a.id, count(e.id)" + good.format("LEFT JOIN audit_event e ON e.application = a.id AND e.kind = 'manager_changed'")
           + "GROUP BY a.id HAVING count(e.id) <> 1", ["manager-update"])
    f.none("rows with a certificate that do not hold their name and key",
           "SELECT a.id FROM certificate c JOIN application a ON a.id = c.application WHERE"
           " NOT EXISTS (SELECT FROM dn_taken t JOIN application h ON h.id = t.application"
           "  WHERE t.organisation = a.organisation AND t.match_key = a.match_key AND h.id >= a.id)"
           " OR NOT EXISTS (SELECT FROM key_seen k WHERE k.spki_hash = a.spki_hash AND k.application = a.id)")
    f.none("renewals under way for ever", "SELECT match_key, renewing FROM dn_taken WHERE renewing IS NOT NULL")


# ---- certificates and CRLs

def verify(public, certificate):
    tbs = certificate.tbs_certificate_bytes if hasattr(certificate, "tbs_certificate_bytes") else certificate.tbs_certlist_bytes
    how = ec.ECDSA(certificate.signature_hash_algorithm) if isinstance(public, ec.EllipticCurvePublicKey) else padding.PKCS1v15()
    try:
        public.verify(certificate.signature, tbs, how, *(() if isinstance(how, ec.ECDSA) else (certificate.signature_hash_algorithm,)))
        return True
    except InvalidSignature:
        return False


def wanted_of(line):
    """(names, SubjectPublicKeyInfo) of a row as it came."""
    columns = bytes(line).decode("cp932").split("\t")
    csr = x509.load_der_x509_csr(base64.b64decode(columns[CSR]))
    others = [n.split("=", 1)[1] for n in columns[DNS_NAMES].split(",") if n]
    return [columns[FQDN], *(n for n in others if n != columns[FQDN])], csr.public_key().public_bytes(*SPKI)


def issued(f):
    issuers = {i: x509.load_der_x509_certificate(bytes(der)).public_key() for i, der in f.query("SELECT id, certificate FROM issuer")}
    rows = f.query("SELECT c.id, c.issuer, c.serial, c.der, c.spki_hash, l.line, a.cn, i.tbs, i.voided FROM certificate c"
                   " JOIN application a ON a.id = c.application JOIN upload_line l ON l.upload = a.upload AND l.seq = a.seq"
                   " JOIN intent i ON i.application = a.id AND i.serial = c.serial ORDER BY c.id")
    f.equal("certificates and those that lead back to a line and an intent", f.query("SELECT count(*) FROM certificate")[0][0], len(rows))
    serials, keys, wrong = collections.Counter(), collections.Counter(), []
    for ident, issuer, serial, der, spki_hash, line, _, tbs, voided in rows:
        made = x509.load_der_x509_certificate(bytes(der))
        names, spki = wanted_of(line)
        serials[issuer, made.serial_number] += 1
        keys[made.public_key().public_bytes(*SPKI)] += 1
        san = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        for fits, what in ((verify(issuers[issuer], made), "signature"), (made.serial_number == int(bytes(serial).hex(), 16), "serial"),
                           (san == names, f"names {san} for {names}"), (made.public_key().public_bytes(*SPKI) == spki, "key"),
                           (hashlib.sha256(spki).digest() == bytes(spki_hash), "key's hash"),
                           (made.tbs_certificate_bytes == bytes(tbs), "other bytes than intended"), (voided is None, "of a voided intent")):
            if not fits:
                wrong.append((ident, what))
    f.each("certificates that are not what was applied for", wrong)
    f.each("serials twice", [s for s, n in serials.items() if n > 1])
    f.each("keys twice", [hashlib.sha256(k).hexdigest() for k, n in keys.items() if n > 1])
    told = sorted((a, s) for a, s in f.query("SELECT application, subject FROM audit_event WHERE kind = 'certificate_issued'"))
    stored = sorted((a, bytes(s).hex()) for a, s in f.query("SELECT application, serial FROM certificate"))
    f.equal("certificates and their events", stored == told, True)


def revoked(f):
    issuers = {i: x509.load_der_x509_certificate(bytes(der)).public_key() for i, der in f.query("SELECT id, certificate FROM issuer")}
    listed = {}
    for issuer, shard, number, der in f.query("SELECT issuer, shard, number, der FROM crl"):
        crl = x509.load_der_x509_crl(bytes(der))
        if not verify(issuers[issuer], crl):
            f.found.append(f"CRL {issuer}-{shard} does not verify")
        if crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number != number:
            f.found.append(f"CRL {issuer}-{shard} has another number than its row")
        serials = [entry.serial_number for entry in crl]
        if len(serials) != len(set(serials)):
            f.found.append(f"CRL {issuer}-{shard} lists a serial twice")
        listed[issuer, shard] = set(serials)
    rows = f.query("SELECT issuer, shard, serial, certificate FROM revocation")
    f.each("revoked serials on no CRL", [s for i, n, raw, _ in rows if (s := int(bytes(raw).hex(), 16)) not in listed.get((i, n), ())])
    f.equal("serials on CRLs and revocations", sum(map(len, listed.values())), len(rows))
    f.none("revocations without one event", "SELECT r.certificate, count(e.id) FROM revocation r LEFT JOIN audit_event e"
           " ON e.kind = 'certificate_revoked' AND e.subject = encode(r.serial, 'hex') WHERE r.certificate IS NOT NULL"
           " GROUP BY r.certificate HAVING count(e.id) <> 1")
    f.none("voided intents that are not revoked, or revoked intents that are not voided",
           "SELECT i.application FROM intent i LEFT JOIN revocation r ON r.issuer = i.issuer AND r.serial = i.serial AND r.certificate IS NULL"
           " WHERE (i.voided IS NULL) <> (r.serial IS NULL)")
    f.none("campaigns that have not ended, or miss a certificate", "SELECT g.id FROM campaign g WHERE g.ended IS NULL OR EXISTS ("
           " SELECT FROM campaign_item i LEFT JOIN revocation r ON r.certificate = i.certificate WHERE i.campaign = g.id AND i.error IS NULL AND r.serial IS NULL)")


# ---- links and mails

def links_and_notices(f):
    f.none("certificates without one notice for each of their links",
           "SELECT l.id, count(n.id) FROM link l LEFT JOIN notice n ON n.link = l.id AND n.kind = 'issued' GROUP BY l.id HAVING count(n.id) <> 1")
    f.none("certificates without a link", "SELECT c.id FROM certificate c LEFT JOIN link l ON l.certificate = c.id WHERE l.id IS NULL")
    f.none("certificates with two links that can be used",
           "SELECT certificate FROM link WHERE state = 'open' GROUP BY 1 HAVING count(*) > 1")
    f.none("links of revoked certificates that can be used",
           "SELECT l.id FROM link l JOIN revocation r ON r.certificate = l.certificate WHERE l.state = 'open'")
    f.none("used links without one event, or whose certificate was not fetched",
           "SELECT l.id FROM link l JOIN certificate c ON c.id = l.certificate WHERE l.state = 'used' AND (c.fetched IS NULL OR"
           " (SELECT count(*) FROM audit_event e WHERE e.kind = 'link_used' AND (e.detail->>'link')::bigint = l.id) <> 1)")
    f.none("used links of which not each registrar was told once",
           "SELECT l.id, m.mail FROM link l JOIN (SELECT DISTINCT organisation, mail FROM registrar WHERE state = 'active') m"
           " ON m.organisation = l.organisation WHERE l.state = 'used' AND 1 <> (SELECT count(*) FROM notice n WHERE n.link = l.id"
           "  AND n.kind IN ('fetched', 'renewed') AND n.recipient = m.mail)")
    f.none("revoked certificates whose manager was not told once",
           "SELECT r.certificate FROM revocation r JOIN certificate c ON c.id = r.certificate JOIN application a ON a.id = c.application"
           " WHERE 1 <> (SELECT count(*) FROM notice n WHERE n.certificate = c.id AND n.kind = 'revoked'"
           "  AND n.recipient = COALESCE(c.manager_mail, a.manager_mail))")
    f.none("notices that wait for ever", "SELECT id, kind, recipient, reply FROM notice WHERE state = 'queued'")
    f.none("notices that ended without an answer", "SELECT id FROM notice WHERE state <> 'queued' AND (reply IS NULL OR ended IS NULL)")


def delivered(f, mails):
    """Each notice that was sent lies in a mailbox under its Message-ID; whoever got two got the same mail twice."""
    copies = collections.defaultdict(set)
    recipients = {}
    for raw in mails:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        if message["To"] is None or not raw.endswith(b"--\r\n"):
            f.found.append(f"half a mail: {raw[-80:]!r}")
            continue
        name, to = str(message["Message-ID"]), message["To"].addresses[0].addr_spec
        copies[name, to].add(raw)
        recipients[name] = to
    f.each("mails that differ under one Message-ID", [key for key, texts in copies.items() if len(texts) > 1])
    ids = {name[1:].split("@")[0]: name for name in recipients}
    notices = {i: (state, to) for i, state, to in f.query("SELECT message_id::text, state, recipient FROM notice")}
    f.each("sent notices that nobody got", [i for i, (state, _) in notices.items() if state == "sent" and i not in ids])
    f.each("notices that another got", [i for i, (_, to) in notices.items() if i in ids and recipients[ids[i]] != to])
    f.each("mails that no notice stands for", [ids[i] for i in ids if i not in notices and UUID.fullmatch(i)])


# ---- nothing stands still, nothing accepted is lost

def standing_still(f):
    f.none("jobs that have not ended", "SELECT id, stage, attempt, worker FROM job WHERE organisation IS NOT NULL")
    f.none("periodic jobs that nobody takes", "SELECT id, stage, subject FROM job WHERE organisation IS NULL AND due < clock_timestamp() - interval '30 s'")
    f.none("events without a seal", "SELECT id, kind FROM audit_event WHERE xid >= audit_sealed() AND at < clock_timestamp() - interval '30 s'")
    f.none("reminders that nobody judges", "SELECT certificate, kind FROM reminder WHERE due < clock_timestamp() - interval '90 s'")
    f.none("certificates that a search does not find", "SELECT c.id FROM certificate c WHERE NOT EXISTS (SELECT FROM certificate_words w"
           " WHERE w.organisation = c.organisation AND w.certificate = c.id) OR NOT EXISTS (SELECT FROM certificate_facts t"
           " WHERE t.organisation = c.organisation AND t.certificate = c.id)")
    f.none("deliveries that hold a link for ever", "SELECT id FROM link WHERE state <> 'open' AND delivery IS NOT NULL")


def kept(f, received):
    stored = {str(i): bytes(digest) for i, digest in f.query("SELECT id, sha256 FROM upload")}
    f.each("uploads that were acknowledged and are lost", [i for i in received if str(i) not in stored])
    f.each("uploads that are not the file that was sent",
           [i for i, body in received.items() if str(i) in stored and hashlib.sha256(body).digest() != stored[str(i)]])
    lines = collections.defaultdict(list)
    for upload, line in f.query("SELECT upload, line FROM upload_line ORDER BY upload, seq"):
        lines[str(upload)].append(bytes(line))
    f.each("uploads whose lines are not those of the file",
           [i for i, body in received.items() if lines.get(str(i)) and lines[str(i)] != [ln for ln in body.split(b"\r\n") if ln]])
