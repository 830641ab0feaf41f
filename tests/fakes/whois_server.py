#!/usr/bin/python3
"""A WHOIS server (RFC 3912) for demonstrations and tests: it answers what the files of a directory say.

    whois_server.py --dir DIR --listen 127.0.0.1:PORT [--registrar 127.0.0.1:PORT] [--defaults DIR]

A question for example.ac.jp is answered with DIR/example.ac.jp.txt, read anew at every question. A name without a file
does not exist: the answer is the registry's own "no match". The second address (--registrar) is the server that answers
of thin registries refer to; it reads DIR/registrar/NAME.txt first.

Files are UTF-8. Lines at the head of a file that begin with # steer the answer and are not sent:

    #charset iso-2022-jp   send in this character set (default utf-8)
    #lf                    end lines with LF instead of CRLF
    #silent                take the question and never answer
    #slow SECONDS          wait, then answer; with no text below, with the file of the same name in --defaults
    #reset                 send half the answer and reset the connection
    #empty                 close without a byte
    #garbage               4 KiB of random bytes
    #endless               an answer that never ends
    #limit                 refuse, as a registry does that was asked too often

Every question is logged on standard output.
"""
import argparse
import asyncio
import contextlib
import os
import pathlib
import re
import signal
import socket
import struct

NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+\Z")
FAULTS = {"silent", "slow", "reset", "empty", "garbage", "endless", "limit"}
QUESTION_BYTES_MAX = 1024
SILENCE_SECONDS = 120

JPRS_HEAD = """\
[ JPRS database provides information on network administration. Its use is    ]
[ restricted to network administration purposes. For further information,     ]
[ use 'whois -h whois.jprs.jp help'. To suppress Japanese output, add'/e'     ]
[ at the end of command, e.g. 'whois -h whois.jprs.jp xxx/e'.                 ]

"""
JPRS_NO_MATCH = JPRS_HEAD + """\
No match!!

For JP domain names, give the name in full, e.g. 'example.ac.jp'.
IP addresses and AS numbers are not in this database; please ask JPNIC,
APNIC, ARIN, RIPE NCC, LACNIC or AfriNIC.
"""
NO_MATCH = {
    "jp": JPRS_NO_MATCH,
    "com": 'No match for domain "{name}".\n',
    "net": 'No match for domain "{name}".\n',
    "": "Domain not found.\n",
}
LIMIT = {
    "jp": JPRS_HEAD + "WHOIS LIMIT EXCEEDED - too many queries from your address. Please try again later.\n",
    "": "WHOIS LIMIT EXCEEDED - SEE WWW.PIR.ORG/WHOIS FOR DETAILS\n",
}


class Answer:
    """What one file says: its fault words and its text."""

    def __init__(self, source):
        self.charset, self.crlf, self.fault, self.seconds = "utf-8", True, None, 0.0
        lines = source.splitlines()
        while lines and lines[0].startswith("#"):
            word, _, value = lines.pop(0)[1:].strip().partition(" ")
            if word == "charset":
                self.charset = value.strip().lower()
            elif word == "lf":
                self.crlf = False
            elif word in FAULTS:
                self.fault = word
                if word == "slow":
                    self.seconds = float(value)
        self.text = "".join(line + "\n" for line in lines)

    def encode(self):
        text = self.text.replace("\n", "\r\n") if self.crlf else self.text
        return text.encode(self.charset, errors="replace")


class Server:
    def __init__(self, directory, defaults):
        self.directory = pathlib.Path(directory)
        self.defaults = pathlib.Path(defaults) if defaults else None

    def look_up(self, name, folder=""):
        """The Answer for a name, from the folder first if one is given; None when no file has it."""
        for path in [self.directory / folder / f"{name}.txt", self.directory / f"{name}.txt"]:
            with contextlib.suppress(FileNotFoundError):
                return Answer(path.read_text(encoding="utf-8", errors="replace"))
        return None

    def fill_slow(self, name, answer):
        if answer.text.strip() or self.defaults is None:
            return
        with contextlib.suppress(FileNotFoundError):
            usual = Answer((self.defaults / f"{name}.txt").read_text(encoding="utf-8"))
            answer.text, answer.charset, answer.crlf = usual.text, usual.charset, usual.crlf

    async def serve(self, reader, writer, folder):
        try:
            await self.converse(reader, writer, folder)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def converse(self, reader, writer, folder):
        line = await reader.readuntil(b"\n")
        question = line.decode("utf-8", errors="replace").strip()
        if not line.endswith(b"\r\n"):
            log(f"refused a question without CRLF: {question!r}")
            return
        name = question.split()[-1].removesuffix("/e").lstrip("=").lower().rstrip(".") if question.split() else ""
        log(f"query {name} {folder or 'registry'}")
        answer = self.look_up(name, folder) if NAME.match(name) else None
        zone = name.rpartition(".")[2]
        if answer is None:
            answer = Answer(NO_MATCH.get(zone, NO_MATCH[""]).format(name=name.upper()))
        await self.send(reader, writer, name, zone, answer)

    async def send(self, reader, writer, name, zone, answer):
        if answer.fault == "silent":
            await reader.read()
            await asyncio.sleep(SILENCE_SECONDS)  # a client that closed its half is kept waiting all the same
            return
        if answer.fault == "empty":
            return
        if answer.fault == "garbage":
            writer.write(os.urandom(4096))
        elif answer.fault == "endless":
            while True:
                writer.write(b"[ This line never ends the answer. ]\r\n" * 100)
                await writer.drain()
        elif answer.fault == "limit":
            writer.write(LIMIT.get(zone, LIMIT[""]).replace("\n", "\r\n").encode())
        elif answer.fault == "reset":
            reset(writer, answer.encode() or JPRS_HEAD.encode())
            return
        else:
            if answer.fault == "slow":
                self.fill_slow(name, answer)
                await asyncio.sleep(answer.seconds)
            writer.write(answer.encode())
        await writer.drain()


def reset(writer, data):
    """Sends half of data and ends the connection with RST."""
    writer.write(data[: len(data) // 2])
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def log(text):
    print(text, flush=True)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


async def run(options):
    server = Server(options.dir, options.defaults)
    listeners = [(options.listen, "")]
    if options.registrar:
        listeners.append((options.registrar, "registrar"))
    for where, folder in listeners:
        host, port = address(where)
        await asyncio.start_server(lambda r, w, folder=folder: server.serve(r, w, folder), host, port,
                                   limit=QUESTION_BYTES_MAX, backlog=512)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    log(f"listening on {options.listen}")
    await stopped.wait()


def main():
    parser = argparse.ArgumentParser(description="WHOIS server for demonstrations and tests")
    parser.add_argument("--dir", required=True, help="one file a domain")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--registrar", metavar="HOST:PORT", help="the server that referrals name")
    parser.add_argument("--defaults", metavar="DIR", help="texts for #slow without one of its own")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
