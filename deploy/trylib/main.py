#!/usr/bin/python3
"""deploy/try: the whole of Inkan on this machine. It builds the programs, makes a private PostgreSQL cluster, demonstration
CAs and organisations, starts a WHOIS server, a mailbox and the five daemons, lives the main job through once with a
sample file, and then serves until Ctrl-C. Nothing of the system's own services is touched."""
import argparse
import ipaddress
import os
import shutil
import signal
import sys

import build
import cluster
import config
import pki
import register
import tryenv
import users
from command import run, tail
from failure import Failure
from instance import DAEMONS, LOOPBACK, Instance
from supervisor import EXIT_CONFIG, Child, Supervisor

FAKES = build.CHECKOUT / "tests/fakes"
DEMO = build.CHECKOUT / "deploy/demo"
FIRST_PORT = 8440
STARTS_MAX = 10  # before everything is ready; afterwards a daemon is started again as often as it dies


def say(text):
    print(text, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="deploy/try", description=__doc__)
    parser.add_argument("--once", action="store_true",
                        help="run the main job once, check it, stop; exit 0 only if every certificate was fetched and verified")
    parser.add_argument("--dir", default="run", metavar="DIR", help="logs, mails and try.env (default ./run)")
    parser.add_argument("--port", type=int, default=FIRST_PORT, metavar="N",
                        help=f"first of a block of ports (default {FIRST_PORT}, or the next free block)")
    parser.add_argument("--address", type=ipaddress.IPv4Address, default=ipaddress.IPv4Address(LOOPBACK), metavar="A",
                        help=f"what everything listens on and is reached by (default {LOOPBACK})")
    parser.add_argument("--daemons", default=",".join(DAEMONS), metavar="NAME,…",
                        help="start these alone, and do no job: the others run elsewhere (default all)")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE", dest="overrides",
                        help="any setting of a daemon or value of the policy; repeatable; ca.key=rsa:2048|ec:P-256|ec:P-384")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it needs root: it makes service users and runs each daemon as its own")
    if not 1024 <= options.port <= 65000:
        parser.error("--port: 1024 to 65000")
    options.daemons = options.daemons.split(",")
    if not set(options.daemons) <= set(DAEMONS):
        parser.error(f"--daemons: some of {', '.join(DAEMONS)}")
    if options.once and len(options.daemons) < len(DAEMONS):
        parser.error("--once needs all daemons")
    return options


def prepare(instance, made, overrides, supervisor):
    """Everything that is there before the first daemon starts."""
    build.stage_programs(made, instance)
    users.make_directories(instance)
    config.write_settings(instance, overrides)
    shutil.copytree(DEMO / "whois", instance.directory / "whois", dirs_exist_ok=True)
    say("Making a private PostgreSQL cluster …")
    cluster.make_cluster(instance)
    postgres = supervisor.add(Child("postgres", cluster.server_command(instance), instance.log("postgres"), "postgres",
                                    instance.pid("postgres"), stop_signal=signal.SIGINT,
                                    before=lambda: cluster.clear_lock_files(instance)))
    cluster.wait_for_server(instance, lambda: postgres.process.poll() is None)
    cluster.make_database(instance)
    say("Making the demonstration's CAs, certificates and organisations …")
    organisations = register.load()
    pki.make_tls(instance, instance.host)
    pki.make_registrars(instance, register.registrars(organisations))
    pki.make_mail_signer(instance)
    pki.make_link_key(instance.pki("link.key"))
    register.fill(instance, organisations, overrides.ca)
    hand_out_keys(instance)
    for daemon in DAEMONS:
        run([instance.bin / f"inkan-{daemon}", "--config", config.settings_of(instance, daemon), "--check"],
            f"checking the settings of {daemon}")


def hand_out_keys(instance):
    """A copy of each file for the one daemon that needs it."""
    ca = instance.pki("ca")
    needed = {
        "ingress": {name: instance.pki(name) for name in ("tls.pem", "tls.key", "registrar-ca.pem")},
        "signer": {"issuing.key": ca / "issuing.key.pem", "audit.key": ca / "audit.key.pem"},
        "mailer": {name: instance.pki(name) for name in ("tls-ca.pem", "mail.pem", "mail.key", "link.key")},
    }
    for daemon, files in needed.items():
        for name, source in files.items():
            target = instance.keys(daemon) / name
            shutil.copy(source, target)
            users.give(target, users.user_of(daemon), 0o600 if name.endswith(".key") else 0o644)
    shutil.copy(ca / "chain.pem", instance.pki("issuer-chain.pem"))


def start_fakes(instance, supervisor):
    """As root, because whoever tests writes their files, with whatever mode."""
    python = [sys.executable, "-B", "-X", "utf8"]
    supervisor.add(Child("whois-server", [
        *python, str(FAKES / "whois_server.py"), "--dir", str(instance.directory / "whois"),
        "--listen", instance.address("whois_server"), "--registrar", instance.address("whois_registrar"),
        "--defaults", str(DEMO / "whois")], instance.log("whois-server")))
    supervisor.add(Child("mailbox", [
        *python, str(FAKES / "mailbox.py"), "--dir", str(instance.directory / "mail"),
        "--smtp", instance.address("smtp"), "--page", instance.address("mail_page"),
        "--faults", str(instance.directory / "mail-faults"),
        "--certificate", str(instance.pki("tls.pem")), "--key", str(instance.pki("tls.key"))], instance.log("mailbox")))


def start_daemons(instance, supervisor, daemons):
    for daemon in daemons:
        supervisor.add(Child(daemon, [str(instance.bin / f"inkan-{daemon}"), "--config",
                                      str(config.settings_of(instance, daemon))], instance.log(daemon),
                             users.user_of(daemon), instance.pid(daemon)))


def tell_story(instance, supervisor):
    """The story in a process of its own, while the supervisor does its work; True when all of it held."""
    environ = tryenv.values(instance, register.ctl_command(instance))
    words = ["env", *(f"{name}={value}" for name, value in environ.items()),
             f"INKAN_STORY_DIR={instance.directory / 'sample'}",
             sys.executable, "-B", "-X", "utf8", str(build.CHECKOUT / "deploy/trylib/story.py")]
    story = supervisor.add(Child("story", words, None, restart=False))

    def over():
        for child in supervisor.children:
            if child.exit_code == EXIT_CONFIG or child.restarts >= STARTS_MAX:
                raise Failure(f"{child.name} does not start:\n{tail(child.log)}")
        return story.exit_code is not None

    return supervisor.run_until(over) and story.exit_code == 0


def show_logs(instance):
    for daemon in DAEMONS:
        end = tail(instance.log(daemon), 5)
        if end:
            say(f"--- end of {instance.log(daemon)}\n{end}")


def serve(instance, supervisor, options):
    """From the first daemon to the last; the exit code."""
    supervisor.take_signals()
    start_fakes(instance, supervisor)
    start_daemons(instance, supervisor, options.daemons)
    held = len(options.daemons) < len(DAEMONS) or tell_story(instance, supervisor)
    if supervisor.asked_to_stop:
        return 130
    if not held:
        show_logs(instance)
    if options.once:
        return 0 if held else 1
    tryenv.write(instance, register.ctl_command(instance))
    say(f"Registrars: {tryenv.values(instance, [])['INKAN_URL']}  (import {instance.pki('registrar.p12')}, password inkan)")
    say(f"Mailbox:    http://{instance.address('mail_page')}")
    say(f"Variables:  {instance.directory / 'try.env'}")
    say("READY")
    supervisor.run_until(lambda: False)
    return 0 if held else 1


def main():
    options = arguments()
    os.umask(0o022)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    instance = supervisor = None
    try:
        overrides = config.Overrides(options.overrides)
        say("Building …")
        made = build.build(os.environ.get("INKAN_BUILD"))
        users.make_users()
        instance = Instance(options.dir, str(options.address), options.port)
        supervisor = Supervisor(say)
        prepare(instance, made, overrides, supervisor)
        return serve(instance, supervisor, options)
    except Failure as failure:
        print(f"deploy/try: {failure}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if supervisor:
            supervisor.stop_all()
        if instance:
            (instance.directory / "try.env").unlink(missing_ok=True)
            instance.remove_stage()


if __name__ == "__main__":
    sys.exit(main())
