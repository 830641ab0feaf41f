"""The registrar's and the manager's side of the service: plain HTTPS with Python's own client."""
import http.client
import json
import secrets
import ssl
import urllib.parse

from failure import Failure

TIMEOUT_SECONDS = 70


class Client:
    """One base address, with or without a client certificate."""

    def __init__(self, base, ca, certificate=None, key=None):
        self.base = base
        self.tls = ssl.create_default_context(cafile=ca)
        if certificate:
            self.tls.load_cert_chain(certificate, key)

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body bytes); a new connection each time."""
        address = urllib.parse.urlsplit(self.base)
        connection = http.client.HTTPSConnection(address.hostname, address.port, context=self.tls,
                                                 timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get_json(self, path):
        status, _, body = self.request("GET", path)
        if status != 200:
            raise Failure(f"GET {path} answered {status}: {body.decode(errors='replace')[:500]}")
        return json.loads(body)


def multipart(fields, filename, content):
    """(content type, body) of a form with one file."""
    boundary = "inkan-" + secrets.token_hex(12)
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
                 "Content-Type: text/tab-separated-values\r\n\r\n".encode() + content + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def upload(client, filename, content, **fields):
    """Sends a file; gives the upload as the API shows it."""
    kind, body = multipart({"kind": "server-issue", "on_error": "abort", "confirmed": "true", **fields}, filename, content)
    status, headers, answer = client.request("POST", "/api/v1/uploads", body, {"Content-Type": kind})
    if status != 202:
        raise Failure(f"POST /api/v1/uploads answered {status}: {answer.decode(errors='replace')[:1000]}")
    if not headers.get("Location"):
        raise Failure("the answer to the upload names no Location")
    return json.loads(answer)


def wait_for_upload(client, upload_id, end_states, deadline_seconds, clock):
    """Follows the upload until it is in one of the states; calls nothing back, gives (upload, states seen)."""
    end = clock() + deadline_seconds
    seen, state = [], ""
    while clock() < end:
        query = f"?wait=5&state={state}" if state else ""
        now = client.get_json(f"/api/v1/uploads/{urllib.parse.quote(upload_id)}{query}")
        if now["state"] != state:
            state = now["state"]
            seen.append(state)
        if state in end_states:
            return now, seen
    raise Failure(f"the upload is still \"{state}\" after {deadline_seconds} s")
