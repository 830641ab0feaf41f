"""The mailbox as web pages: a list of the mails, each mail decoded with its links clickable, and its bytes."""
import email
import email.policy
import functools
import html
import http.server
import re
import socketserver
import threading

LIST_MAX = 200
STYLE = """
body { font: 16px/1.6 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1c; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ccc; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f8f8fb; padding: 1rem; font: 15px/1.7 monospace; }
"""
HEADERS_SHOWN = ("Subject", "From", "To", "Date", "Message-ID")


def page(title, body):
    return (f"<!DOCTYPE html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>{html.escape(title)}</title>"
            f"<meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>"
            f"<body>{body}</body></html>").encode()


@functools.lru_cache(maxsize=4096)
def parse(path):
    """A kept mail never changes, so that one reading serves for ever."""
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def header(message, name):
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, LookupError) as error:
        return f"({name} cannot be read: {error})"


def linked(text):
    """Escaped text in which addresses of pages are links."""
    parts = re.split(r"(https?://[^\s<>\"]+)", text)
    return "".join(f'<a href="{html.escape(p)}">{html.escape(p)}</a>' if i % 2 else html.escape(p)
                   for i, p in enumerate(parts))


def render_list(directory):
    paths = sorted(directory.glob("*.eml"), reverse=True)
    rows = "".join(
        f"<tr><td>{html.escape(header(m, 'Date'))}</td><td>{html.escape(header(m, 'To'))}</td>"
        f'<td><a href="/mail/{html.escape(p.name)}">{html.escape(header(m, "Subject")) or "(no subject)"}</a></td></tr>'
        for p in paths[:LIST_MAX] for m in [parse(p)])
    more = f"<p>The newest {LIST_MAX} of {len(paths)} are shown.</p>" if len(paths) > LIST_MAX else ""
    return page("Mailbox", f"<h1>Mailbox: {len(paths)} mails</h1>{more}<table><tr><th>Date</th><th>To</th>"
                           f"<th>Subject</th></tr>{rows}</table>")


def render_mail(path):
    message = parse(path)
    shown = "".join(f"<tr><th>{name}</th><td>{html.escape(header(message, name))}</td></tr>" for name in HEADERS_SHOWN)
    texts = []
    for part in message.walk():
        if part.get_content_maintype() == "text":
            try:
                texts.append(f"<pre>{linked(part.get_content())}</pre>")
            except (LookupError, ValueError) as error:
                texts.append(f"<p>A part cannot be read: {html.escape(str(error))}</p>")
        elif not part.is_multipart():
            texts.append(f"<p>Attached: {html.escape(part.get_filename() or '')} "
                         f"({html.escape(part.get_content_type())})</p>")
    return page(header(message, "Subject"),
                f'<p><a href="/">All mails</a> · <a href="/raw/{html.escape(path.name)}">As received</a></p>'
                f"<table>{shown}</table>{''.join(texts)}")


class Page(http.server.BaseHTTPRequestHandler):
    directory = None

    def do_GET(self):
        kind, _, name = self.path.split("?")[0].lstrip("/").partition("/")
        known = {p.name: p for p in self.directory.glob("*.eml")} if kind in ("mail", "raw") else {}
        if kind == "" and not name:
            self.answer(200, "text/html; charset=utf-8", render_list(self.directory))
        elif kind == "mail" and name in known:
            self.answer(200, "text/html; charset=utf-8", render_mail(known[name]))
        elif kind == "raw" and name in known:
            self.answer(200, "text/plain; charset=us-ascii", known[name].read_bytes())
        else:
            self.answer(404, "text/html; charset=utf-8", page("Not found", "<h1>Not found</h1>"))

    do_HEAD = do_GET

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


class PageServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def start_page(where, directory):
    """Serves the pages from a thread of its own until the process ends."""
    handler = type("MailboxPage", (Page,), {"directory": directory})
    threading.Thread(target=PageServer(where, handler).serve_forever, daemon=True).start()
