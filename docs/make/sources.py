"""What the sources declare: rows of proto/*.def, tables of settings, the commands of inkanctl, who works which stage.

Rows of macros go through the preprocessor. Tables of C are copied into a small program, without what they point at, which is compiled and
prints them: what it prints is what the compiler reads."""
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "proto"))
from declared import rows  # noqa: E402, F401

DAEMONS = ("ingress", "validator", "whois", "signer", "mailer")
FIELD, RECORD = "\x1f", "\x1e"


def text_of(path):
    return (TOP / path).read_text(encoding="utf-8")


def run_program(source):
    """What a C program prints, as records of fields."""
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "program"
        command = ["cc", "-std=gnu11", "-w", "-D_GNU_SOURCE", "-I", str(TOP), "-I", str(TOP / "common"), "-xc", "-", "-o", str(program)]
        subprocess.run(command, input=source, text=True, check=True)
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [record.split(FIELD) for record in printed.split(RECORD)[:-1]]


def defines_of(source):
    """The macros without arguments, with the lines they go on in."""
    return re.findall(r"^(#define (\w+) (?:.*\\\n)*.*)$", source, re.M)


PUT = r"""
static void put(const char *text, int last) {
    fputs(text ? text : "\x02", stdout);
    putchar(last ? '\x1e' : '\x1f');
}
static void put_number(long long n, int last) {
    printf("%lld%c", n, last ? '\x1e' : '\x1f');
}
"""


def settings():
    """Every setting as a dict, in the order of the tables: those that all daemons share first."""
    program = '#include <stdio.h>\n#include "common/config.h"\n#include "common/base/clock.h"\n#include "common/store/job.h"\n' + PUT + r"""
static void put_table(const char *owner, const struct setting *s) {
    static const char *const types[] = {"text", "path", "number", "duration", "boolean"};
    for (; s->name; s++) {
        put(owner, 0), put(s->section, 0), put(s->name, 0), put(types[s->type], 0), put(s->fallback, 0);
        put_number(s->min, 0), put_number(s->max, 0), put_number(s->guest, 0), put(s->help, 1);
    }
}
int main(void) {
"""
    for owner, path in (("all", "common/service_options.c"), *((d, f"services/{d}/main.c") for d in DAEMONS)):
        source = text_of(path)
        table = re.search(r"static const struct setting \w+\[\] = \{\n(.*?)\n\};", source, re.S).group(1)
        table = re.sub(r"&[A-Za-z_][\w.]*(\[\w+\])?", "(void *) 0", table)
        names = set(re.findall(r"\b[A-Z][A-Z_]+\b", table))
        used = [(text, name) for text, name in defines_of(source) if name in names]
        program += "".join(text + "\n" for text, _ in used) + f"    static const struct setting {owner}[] = {{\n{table}\n}};\n"
        program += f'    put_table("{owner}", {owner});\n' + "".join(f"#undef {name}\n" for _, name in used)
    names = ("owner", "section", "name", "type", "default", "min", "max", "guest", "help")
    found = [dict(zip(names, record)) for record in run_program(program + "    return 0;\n}\n")]
    return [s for s in found if not (s["guest"] == "1" and s["owner"] != "all")]


def commands():
    """The commands of inkanctl as dicts; options as (name, value or None, help, required)."""
    declared = re.findall(r"^COMMAND_DECLARE\((\w+)\)$", text_of("services/ctl/commands.h"), re.M)
    program = '#include <stdio.h>\n#include "services/ctl/commands.h"\n' + PUT
    for path in sorted((TOP / "services/ctl").glob("*.c")):
        program += "".join(re.findall(r"^const struct command_option \w+\[\] = \{.*?\};\n", path.read_text(encoding="utf-8"), re.S | re.M))
    for name in declared:
        program += f"int {name}_run(struct ctl *c) {{ return 0; }}\nconst struct statement *const {name}_statements[] = {{0}};\n"
    program += '#include "services/ctl/table.c"\n' + r"""
int main(void) {
    for (const struct command *c = ctl_commands; c->name; c++) {
        put("command", 0), put(c->name, 0), put(c->arguments, 0), put(c->summary, 0), put(c->details, 0), put(c->examples, 1);
        for (const struct command_option *o = c->options; o && o->name; o++)
            put("option", 0), put(o->name, 0), put(o->value, 0), put(o->help, 0), put_number(o->required, 1);
    }
    return 0;
}
"""
    found = []
    for kind, *fields in run_program(program):
        fields = [None if field == "\x02" else field for field in fields]
        if kind == "command":
            found.append(dict(zip(("name", "arguments", "summary", "details", "examples"), fields), options=[]))
        else:
            found[-1]["options"].append((*fields[:3], fields[3] == "1"))
    return found


def daemons():
    """What each daemon's main.c says: summary, the stages it works, those it hints."""
    found = {}
    for name in DAEMONS:
        source = text_of(f"services/{name}/main.c")
        table = re.search(r"struct stage_work stages\[\] = \{(.*?)\n?.*?\};", source, re.S)
        works = re.findall(r"\{STAGE_(\w+),", source) + re.findall(r"\.works = 1u << STAGE_(\w+)", source)
        hints = re.search(r"\.hints = (.*?),\n", source, re.S)
        found[name] = {"summary": re.search(r'\.summary = "(.*?)"', source).group(1), "works": works if table or works else [],
                       "hints": re.findall(r"STAGE_(\w+)", hints.group(1)) if hints else []}
    return found


def stages():
    """(name, what it is) in the order of the way."""
    return re.findall(r"^STAGE\((\w+)\)\s*/\* (.*?) \*/$", text_of("proto/stages.def"), re.M)
