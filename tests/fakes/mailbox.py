#!/usr/bin/python3
"""A mail relay's other end for demonstrations and tests: it takes every mail and keeps it, byte for byte.

    mailbox.py --dir DIR --smtp 127.0.0.1:PORT [--page 127.0.0.1:PORT] [--faults FILE]
               [--certificate PEM --key PEM [--require-starttls]]

Each mail becomes DIR/NUMBER-RECIPIENT.eml (numbers rise), complete from the moment the name appears. The relay is
strict: lines end with CRLF and hold at most 998 characters, bytes above 127 only where the client said BODY=8BITMIME.
The faults file is read at every mail; a line is RECIPIENT-PATTERN (shell pattern) and one of

    451    temporary refusal of the recipient
    550    permanent refusal of the recipient
    drop   the mail is kept, but the connection is lost after the final dot, before the answer

CONNECT or MAIL in place of a pattern: every connection, or every MAIL FROM, is answered so. The first line that fits counts. Lines beginning with # are comments.
"""
import argparse
import asyncio
import fnmatch
import logging
import os
import pathlib
import re
import signal
import ssl

from aiosmtpd.smtp import SMTP

from mailbox_page import start_page

LINE_BYTES_MAX = 998
REFUSALS = {
    "451": "451 4.3.0 mailbox temporarily unavailable",
    "550": "550 5.1.1 no such mailbox",
}


class Store:
    """The directory of kept mails."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        numbers = [int(m[1]) for m in (re.match(r"(\d+)-", p.name) for p in self.directory.glob("*.eml")) if m]
        self.number = max(numbers, default=0)

    def keep(self, recipients, content):
        self.number += 1
        label = re.sub(r"[^A-Za-z0-9@._+-]", "_", "+".join(recipients))[:100]
        name = f"{self.number:06d}-{label}.eml"
        partial = self.directory / f".{name}.part"
        partial.write_bytes(content)
        os.chmod(partial, 0o644)
        partial.rename(self.directory / name)
        return name


class Faults:
    def __init__(self, path):
        self.path = path

    def of(self, word):
        """The fault of a line that begins with just this word, or None."""
        return self.first(lambda pattern: pattern == word)

    def find(self, recipient):
        """The fault for a recipient, or None."""
        return self.first(lambda pattern: fnmatch.fnmatch(recipient.lower(), pattern.lower()))

    def first(self, wanted):
        if self.path is None:
            return None
        try:
            with open(self.path, encoding="utf-8") as lines:
                for line in lines:
                    words = line.split("#")[0].split()
                    if len(words) == 2 and wanted(words[0]):
                        return words[1]
        except FileNotFoundError:
            pass
        return None


def complaint(envelope):
    """Why a careful relay would not take these bytes, or None."""
    content = envelope.original_content
    if re.search(rb"\r(?!\n)|(?<!\r)\n", content):
        return "554 5.6.0 CR or LF alone in the message (RFC 5321 2.3.8)"
    if max(map(len, content.split(b"\r\n"))) > LINE_BYTES_MAX:
        return "554 5.6.0 line longer than 998 characters (RFC 5322 2.1.1)"
    if not content.isascii() and "BODY=8BITMIME" not in envelope.mail_options:
        return "554 5.6.1 bytes above 127 without BODY=8BITMIME (RFC 6152)"
    if b"\0" in content:
        return "554 5.6.0 NUL in the message"
    return None


class Handler:
    """The hooks of aiosmtpd."""

    def __init__(self, store, faults):
        self.store, self.faults = store, faults

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.faults.of("CONNECT"):  # a connection from before is lost, so that a new one is tried
            server.transport.abort()
        refusal = REFUSALS.get(self.faults.of("MAIL"))
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = REFUSALS.get(self.faults.find(address))
        if refusal:
            log(f"refused {address}: {refusal}")
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        reason = complaint(envelope)
        if reason:
            log(f"refused a mail for {envelope.rcpt_tos}: {reason}")
            return reason
        name = self.store.keep(envelope.rcpt_tos, envelope.original_content)
        log(f"kept {name}{' over TLS' if session.ssl else ''}")
        if any(self.faults.find(recipient) == "drop" for recipient in envelope.rcpt_tos):
            log(f"dropped the connection after {name}")
            server.transport.abort()
        return f"250 2.0.0 kept as {name.split('-')[0]}"


class Greeter(SMTP):
    """Refuses connections where the faults say so for CONNECT."""

    async def push(self, status):
        refusal = REFUSALS.get(self.event_handler.faults.of("CONNECT")) if not self.session.host_name else None
        if refusal and str(status).startswith("220 "):
            status = refusal
        await super().push(status)


def log(text):
    print(text, flush=True)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


async def run(options):
    loop = asyncio.get_running_loop()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
    handler = Handler(Store(options.dir), Faults(options.faults))

    def connection():
        return Greeter(handler, hostname="localhost", ident="Inkan mailbox", tls_context=tls,
                    require_starttls=options.require_starttls, data_size_limit=16 << 20, loop=loop)

    await loop.create_server(connection, *address(options.smtp), backlog=512)
    if options.page:
        start_page(address(options.page), pathlib.Path(options.dir))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    log(f"listening on {options.smtp}")
    await stopped.wait()


def main():
    parser = argparse.ArgumentParser(description="SMTP server that keeps every mail, for demonstrations and tests")
    parser.add_argument("--dir", required=True, help="where mails are kept")
    parser.add_argument("--smtp", required=True, metavar="HOST:PORT")
    parser.add_argument("--page", metavar="HOST:PORT", help="show the mails as web pages here")
    parser.add_argument("--faults", metavar="FILE")
    parser.add_argument("--certificate", metavar="PEM", help="offer STARTTLS with this certificate")
    parser.add_argument("--key", metavar="PEM")
    parser.add_argument("--require-starttls", action="store_true")
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
