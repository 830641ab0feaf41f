"""A verifier of the audit that shares no code with the service: from docs/architecture.md and the tables alone."""
import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EVENTS = ("SELECT id::text, xid::text, (extract(epoch FROM at) * 1000000)::bigint::text, actor, kind, organisation::text, upload::text,"
          " application::text, subject, detail::text FROM audit_event e ORDER BY e.xid, e.id")
SEALS = ("SELECT number, xid_from::text, xid_to::text, events, digest, previous, key, signature FROM audit_seal ORDER BY number")
COUNTS = {
    "certificates": ("SELECT count(*) FROM certificate", "certificate_issued"),
    "mails with a link": ("SELECT count(*) FROM notice WHERE kind = 'issued'", "certificate_issued", "link_resent"),
    "certificates whose revocation is mailed": ("SELECT count(DISTINCT certificate) FROM notice WHERE kind = 'revoked'",
                                                "certificate_revoked"),
    "revocations": ("SELECT count(*) FROM revocation WHERE certificate IS NOT NULL", "certificate_revoked"),
    "voided intents": ("SELECT count(*) FROM intent WHERE voided IS NOT NULL", "intent_voided"),
    "used links": ("SELECT count(*) FROM link WHERE state = 'used'", "link_used"),
    "epochs": ("SELECT count(*) FROM audit_epoch", "epoch_opened"),
    "failed rows": ("SELECT count(*) FROM application WHERE state = 'failed'", "row_failed"),
}


def line(event):
    fields = [*event[:5], *("-" if field is None else field for field in event[5:9]), event[9]]
    return hashlib.sha256("\x1f".join(fields).encode()).digest()


def troubles(query):
    """What is wrong, as texts; query(sql) gives rows as tuples."""
    found, previous, reached = [], bytes(32), 0
    keys = {bytes(ident): bytes(public) for ident, public in query("SELECT id, public FROM audit_key")}
    events = query(EVENTS)
    at = 0
    for expected, (number, first, end, count, digest, before, key, signature) in enumerate(query(SEALS), 1):
        if number != expected:
            found.append(f"seal {expected} is missing")
            break
        first, end = int(first), int(end)
        covered = []
        while at < len(events) and int(events[at][1]) < end:
            covered.append(events[at])
            at += 1
        if first != reached or end <= first:
            found.append(f"seal {number}: its transactions do not follow those of the seal before")
        if any(int(event[1]) < first for event in covered) or len(covered) != count:
            found.append(f"seal {number}: {len(covered)} events in place of {count}")
        elif hashlib.sha256(b"".join(map(line, covered))).digest() != bytes(digest):
            found.append(f"seal {number}: an event is not as it was sealed")
        if bytes(before) != previous:
            found.append(f"seal {number}: does not name the seal before")
        signed = b"inkan-seal-v1" + struct.pack(">QQQQ", number, first, end, count) + bytes(digest) + bytes(before)
        public = keys.get(bytes(key))
        try:
            if public is None or hashlib.sha256(public).digest() != bytes(key):
                raise InvalidSignature
            Ed25519PublicKey.from_public_bytes(public).verify(bytes(signature), signed)
        except InvalidSignature:
            found.append(f"seal {number}: bad signature")
        previous, reached = hashlib.sha256(signed).digest(), end
    for what, (sql, *kinds) in COUNTS.items():
        stored, told = query(sql)[0][0], sum(event[4] in kinds for event in events)
        if stored != told:
            found.append(f"{stored} {what}, {told} events {', '.join(kinds)}")
    return found
