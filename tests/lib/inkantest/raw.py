"""HTTP down to the socket: what no well-behaved client sends."""
import socket
import ssl
import urllib.parse

LISTENERS = {"registrar": "INKAN_URL", "public": "INKAN_PUBLIC_URL", "pki": "INKAN_PKI_URL"}


def plain(instance, listener="registrar", source=None, receive_buffer=None, timeout=30.0):
    """A TCP connection; source: an address of the loopback network to come from."""
    where = urllib.parse.urlsplit(instance.env[LISTENERS[listener]])
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        sock.bind((source, 0))
    sock.settimeout(timeout)
    sock.connect((where.hostname, where.port))
    return sock


def connect(instance, listener="registrar", **kw):
    """The same with TLS where the listener has it, as registrar 1."""
    sock = plain(instance, listener, **kw)
    if listener == "pki":
        return sock
    context = ssl.create_default_context(cafile=instance.env["INKAN_TLS_CA"])
    if listener == "registrar":
        context.load_cert_chain(*instance.registrar.session.cert)
    return context.wrap_socket(sock, server_hostname="localhost")


def read_all(sock):
    """All that comes until the other side ends the connection, or says nothing for the socket's timeout."""
    got = b""
    try:
        while data := sock.recv(65536):
            got += data
    except OSError:
        pass
    return got


def ended(sock):
    """True when the other side has ended the connection (what it sent before is passed over)."""
    sock.settimeout(0.05)
    try:
        while sock.recv(65536):
            pass
    except (TimeoutError, ssl.SSLWantReadError):
        return False
    except OSError:
        pass
    return True


def talk(instance, data, listener="registrar", timeout=10.0):
    """(status, whole answer) to these bytes; status None: the connection ended without one."""
    with connect(instance, listener, timeout=timeout) as sock:
        try:
            sock.sendall(data)
        except OSError:
            pass  # it may end the connection before it has read all
        sock.settimeout(timeout)
        got = read_all(sock)
    return (int(got.split(b" ", 2)[1]) if got.startswith(b"HTTP/1.") else None), got


def request(method, path, headers=(), body=b"", host="localhost", close=True):
    """The bytes of a request; headers as (name, value) of bytes or str."""
    lines = [method.encode() + b" " + (path if isinstance(path, bytes) else path.encode()) + b" HTTP/1.1", b"Host: " + host.encode()]
    if close:
        lines.append(b"Connection: close")
    for name, value in headers:
        lines.append((name if isinstance(name, bytes) else name.encode()) + b": " +
                     (value if isinstance(value, bytes) else str(value).encode()))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
