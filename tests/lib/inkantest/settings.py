"""A daemon of a running instance under other settings."""
import contextlib
import re
import signal

from inkantest.instance import wait_for


def changed(text, section, name, value):
    """The INI text with section.name = value; None takes it out."""
    head, found, rest = text.partition(f"[{section}]\n")
    if not found:
        return f"{text.rstrip()}\n\n[{section}]\n{name} = {value}\n" if value is not None else text
    body, following, tail = rest.partition("\n[")
    body = re.sub(rf"^{re.escape(name)} *=.*\n?", "", body, flags=re.M)
    line = "" if value is None else f"{name} = {value}\n"
    return head + found + line + body + following + tail


def restart(instance, *daemons):
    before = {daemon: instance.pid(daemon) for daemon in daemons}
    for daemon in daemons:
        instance.kill(daemon, signal.SIGTERM)
    for daemon in daemons:
        wait_for(lambda d=daemon: instance.pid(d) != before[d], f"a new {daemon}")
    instance.alive()


@contextlib.contextmanager
def settings(instance, values):
    """with settings(instance, {daemon: {section: {name: value}}}): these daemons, started anew with these settings; then as before."""
    directory = instance.config_path().parent
    before = {daemon: (directory / f"{daemon}.conf").read_text() for daemon in values}
    try:
        for daemon, sections in values.items():
            text = before[daemon]
            for section, names in sections.items():
                for name, value in names.items():
                    text = changed(text, section, name, value)
            (directory / f"{daemon}.conf").write_text(text)
        restart(instance, *values)
        yield instance
    finally:
        for daemon, text in before.items():
            (directory / f"{daemon}.conf").write_text(text)
        restart(instance, *values)
