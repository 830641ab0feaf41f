"""Man pages in mdoc: what the programs' tables say, with docs/man/parts/*.mdoc, which people write."""
import re

from make import sources, units

DATE = "November 25, 2026"
NOTE = '.\\" Made by docs/generate from the sources and docs/man/parts; change it there.\n'


def escape(text):
    """Text that is nothing but text: no line is a request, no backslash an escape."""
    text = text.replace("\\", "\\e")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def prose(text):
    """A sentence a line, as mdoc wants it."""
    return escape(re.sub(r"([.?!]) +(?=[A-Z`])", r"\1\n", text))


def word(text):
    """An argument of a macro."""
    return '"' + escape(text).replace('"', '\\(dq') + '"'


def part(name):
    return sources.text_of(f"docs/man/parts/{name}.mdoc")


def head(name, section, what):
    return NOTE + f".Dd {DATE}\n.Dt {name.upper()} {section}\n.Os Inkan\n.Sh NAME\n.Nm {name}\n.Nd {escape(what)}\n"


def options_of_daemons():
    """(option, value, what) as the usage of the daemons has them."""
    usage = re.search(r"static int usage\(.*?\n\}\n", sources.text_of("common/service_options.c"), re.S).group(0)
    return [(o, v or None, w) for o, v, w in re.findall(r'"  --([\w-]+) ?([A-Z]*) +(.*?)\\n"', usage)]


def setting_list(settings):
    text = ".Bl -tag -width Ds\n"
    for s in settings:
        text += f".It Cm {word(s['section'] + '.' + s['name'])}\n{escape(s['help'])}\n"
        text += escape(f"{s['type'].capitalize()}, {units.bounds(s)}; default: {units.default(s)}.") + "\n"
    return text + ".El\n"


def sentence(text):
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def daemon(name, about, settings):
    options = options_of_daemons()
    default_config = re.search(r'#define CONFIG_DEFAULT "(.*)"', sources.text_of("common/service_options.c")).group(1)
    text = head(f"inkan-{name}", 8, about["summary"]) + ".Sh SYNOPSIS\n.Nm\n"
    for option, value, _ in options:
        text += f".Op Fl -{option}{f' Ar {value}' if value else ''}\n"
    text += ".Sh DESCRIPTION\n" + part(f"inkan-{name}")
    if about["works"]:
        text += ".Pp\nStages that it works: " + ", ".join(about["works"]) + ".\n"
    if about["hints"]:
        text += "Stages that it hints: " + ", ".join(about["hints"]) + ".\n"
    text += ".Sh OPTIONS\n.Bl -tag -width Ds\n"
    for option, value, what in options:
        # the usage names the default of --config and the program by %s
        filled = what.replace("(default %s)", f"(default {default_config if option == 'config' else name})")
        text += f".It Fl -{option}{f' Ar {value}' if value else ''}\n{escape(sentence(filled))}\n"
    text += ".El\n"
    if settings:
        text += ".Sh SETTINGS\nIts own; those that all daemons share are in\n.Xr inkan.conf 5 .\n" + setting_list(settings)
    return text + part("daemon").replace("@NAME@", name) + see_also(f"inkan-{name}")


def see_also(own):
    pages = [("inkan.conf", 5), *((f"inkan-{d}", 8) for d in sources.DAEMONS), ("inkanctl", 1)]
    others = sorted((p for p in pages if p[0] != own), key=lambda p: (p[1], p[0]))
    return ".Sh SEE ALSO\n" + "".join(f".Xr {p} {s}{' ,' if (p, s) != others[-1] else ''}\n" for p, s in others)


def conf(settings):
    text = head("inkan.conf", 5, "settings of the Inkan daemons") + ".Sh DESCRIPTION\n" + part("inkan.conf")
    for owner in ("all", *sources.DAEMONS):
        own = [s for s in settings if s["owner"] == owner]
        title = "Of all daemons" if owner == "all" else f"Of inkan-{owner}"
        if own:
            text += f".Ss {title}\n" + setting_list(own)
    return text + part("inkan.conf-end") + see_also("inkan.conf")


def ctl(commands):
    text = head("inkanctl", 1, "the operators' command of Inkan") + part("inkanctl")
    text += ".Sh COMMANDS\n"
    for c in commands:
        text += f".Ss {c['name']}{' ' + escape(c['arguments']) if c['arguments'] else ''}\n{prose(sentence(c['summary']))}\n"
        if c["details"]:
            text += prose(c["details"].strip().replace("\n", " ")) + "\n"
        if c["options"]:
            text += ".Bl -tag -width Ds\n"
            for name, value, what, required in c["options"]:
                text += f".It Fl -{name}{f' Ar {word(value)}' if value else ''}\n{prose(sentence(what))}\n"
                text += "Must be given.\n" if required else ""
            text += ".El\n"
        text += ".Pp\n.Dl " + "\n.Dl ".join("inkanctl " + escape(line) for line in c["examples"].strip().split("\n")) + "\n"
    return text + part("inkanctl-end") + see_also("inkanctl")


def made():
    """Path under docs/ → text."""
    settings, daemons = sources.settings(), sources.daemons()
    pages = {f"man/inkan-{name}.8": daemon(name, about, [s for s in settings if s["owner"] == name])
             for name, about in daemons.items()}
    return pages | {"man/inkan.conf.5": conf(settings), "man/inkanctl.1": ctl(sources.commands())}
