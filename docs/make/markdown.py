"""The pages of docs/ that are made from the sources. Each function gives a page's text."""
from make import pictures, sources, units

NOTE = "<!-- Made by docs/generate from {}; change it there. -->\n\n"


def table(heads, lines):
    def cell(text):
        return str(text).replace("|", "\\|").replace("\n", " ").replace("<daemon>", "&lt;daemon&gt;").replace("<instance>", "&lt;instance&gt;")
    body = "".join("| " + " | ".join(cell(c) for c in line) + " |\n" for line in lines)
    return "| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads) + "\n" + body


def error_rows():
    """(symbol, code, ja, en, remedy ja, remedy en)"""
    return [row[1:] for row in sources.rows("proto/errors.def", {"ERROR": (("s", "c", "ja", "en", "rja", "ren"), (1, 0, 0, 0, 0, 0))})]


def errors():
    lines = [(code, f"`{symbol}`", ja, en, f"{rja}<br>{ren}") for symbol, code, ja, en, rja, ren in error_rows()]
    return ("# Errors\n\n" + NOTE.format("proto/errors.def") +
            "`{}` stands for a value. A cell of the result table reads `CODE:column,項目名,メッセージ`.\n\n" +
            table(("code", "symbol", "message", "in English", "remedy"), lines))


def messages():
    found = sources.rows("proto/messages.def", {"MESSAGE": (("n", "i"), (1, 0)), "U64": (("f",), (1,)),
                                          "TEXT": (("f", "m"), (1, 0)), "END": (("n",), (1,))})
    text = ("# Messages\n\n" + NOTE.format("proto/messages.def") +
            "What daemons say to each other over ZeroMQ. A message is a hint: it may be lost, doubled, late or forged.\n\n"
            "Each begins with the bytes `IK`, the major version (1) and its type; numbers are big endian; a text is its\n"
            "length in 2 bytes and its bytes, without NUL. Anything else, and bytes left over, are refused.\n")
    for row in found:
        if row[0] == "MESSAGE":
            text += f"\n## {row[1]} (type {row[2]})\n\n| field | kind |\n| --- | --- |\n"
        elif row[0] == "U64":
            text += f"| {row[1]} | 8 bytes |\n"
        elif row[0] == "TEXT":
            text += f"| {row[1]} | text of at most {row[2]} bytes |\n"
    return text


def state_graphs():
    found = sources.rows("proto/states.def", {"STATE": (("n", "s", "f"), (1, 1, 0)), "MOVE": (("n", "a", "b"), (1, 1, 1))})
    return {noun.lower(): ([(r[2], r[3] == 1) for r in found if r[0] == "STATE" and r[1] == noun],
                           [(r[2], r[3]) for r in found if r[0] == "MOVE" and r[1] == noun])
            for noun in dict.fromkeys(row[1] for row in found)}


def states():
    text = ("# States\n\n" + NOTE.format("proto/states.def") +
            "![The states of each noun and the moves between them](pictures/states.svg)\n\nNothing follows the green ones.\n")
    for noun, (names, moves) in state_graphs().items():
        text += f"\n## {noun}\n\n" + table(("state", "moves to"), [(f"`{name}`", ", ".join(f"`{b}`" for a, b in moves if a == name) or "-")
                                                             for name, _ in names])
    return text


def stages():
    daemons = sources.daemons()
    works = {stage: name for name, d in daemons.items() for stage in d["works"]}
    lines = [(f"`{name}`", works[name], what.split(": ", 1)[1], ", ".join(d for d, f in daemons.items() if name in f["hints"]) or "-")
             for name, what in sources.stages()]
    return ("# Stages\n\n" + NOTE.format("proto/stages.def and the tables of services/*/main.c") +
            "![Who hints whom about which stage](pictures/flow.svg)\n\n" +
            table(("stage", "worked by", "what", "hinted by"), lines))


def metrics():
    found = sources.rows("proto/metrics.def", {"METRIC": (("s", "t", "n", "l", "h"), (1, 1, 0, 0, 0))})
    lines = [(f"`{name}`", kind.lower(), label.replace(",", ", ") or "-", text) for _, _, kind, name, label, text in found]
    return ("# Metrics\n\n" + NOTE.format("proto/metrics.def") +
            "Every daemon names all of them at `/metrics`; a series is there once it has a value.\n\n" +
            table(("name", "type", "label", "meaning"), lines))


def settings():
    text = ("# Settings\n\n" + NOTE.format("the tables of settings in common/service_options.c and services/*/main.c") +
            "One file for all daemons, `/etc/inkan/inkan.conf`, of the form\n\n"
            "    [section]\n    name = value\n\n"
            "Texts go on in the next line when it is indented; a line holds at most 199 bytes. Durations have a unit: `500ms`, `5s`, `10min`, `24h`,\n"
            "`30d`; or `0`. `;` or `#` at the beginning of a line makes it a comment.\n")
    found = sources.settings()
    for section in dict.fromkeys(s["section"] for s in found):
        lines = [(f"`{s['name']}`", s["type"], units.default(s), units.bounds(s), s["help"]) for s in found if s["section"] == section]
        text += f"\n## [{section}]\n\n" + table(("name", "type", "default", "bounds", "meaning"), lines)
    return text


def made():
    """Path under docs/ → text."""
    return {f"{make.__name__}.md": make() for make in (errors, messages, states, stages, metrics, settings)} | {
        "pictures/states.svg": pictures.states(state_graphs()), "pictures/flow.svg": pictures.flow(sources.daemons())}
