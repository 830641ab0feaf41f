"""gcc -fanalyzer with the commands of a build directory, a process a core. Exit 1 when there is a finding."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ICONV = ("-Wno-analyzer-malloc-leak", "iconv_open() fails with (iconv_t) -1, which it takes for memory")
# What it reports and is none: file, what is not looked for there, and why.
NONE = {
    "common/base/text_cp932.c": ICONV,
    "services/validator/cp932.c": ICONV,
    "services/whois/answer_text.c": ICONV,
    "common/config.c": ("-Wno-analyzer-malloc-leak", "the copy is kept in *target, which it loses behind void *"),
    "services/ingress/http/exchange.c": ("-Wno-analyzer-malloc-leak", "name and value of a pair are one allocation, kept in the exchange"),
    "services/ingress/pages/page.c": ("-Wno-analyzer-null-dereference", "openapi.json is among the assets that the build puts in"),
    "services/validator/row_target.c": ("-Wno-analyzer-possible-null-argument -Wno-analyzer-null-argument",
                                        "is_same_name() is called with a match key, and there is none without a CN"),
    "services/whois/question.c": ("-Wno-analyzer-null-dereference", "a question that is asked has a server"),
    "services/whois/whois.c": ("-Wno-analyzer-malloc-leak -Wno-analyzer-possible-null-dereference",
                               "questions and their jobs are owned by lists that it does not follow"),
}


def analyze(source, entry):
    words = shlex.split(entry["command"])
    words = [w for w in words[words.index("gcc") + 1:words.index("-o")] if not w.startswith("-M") and not w.endswith((".o", ".d"))]
    more = NONE[source][0].split() if source in NONE else []
    done = subprocess.run(["gcc", *words, "-fanalyzer", "-fdiagnostics-color=never", *more, "-c", entry["file"], "-o", "/dev/null"],
                          cwd=entry["directory"], capture_output=True, text=True, check=False)
    return done.stderr


def main(build):
    top = pathlib.Path(__file__).resolve().parents[2]
    sources = {}
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        path = pathlib.Path(os.path.realpath(pathlib.Path(entry["directory"]) / entry["file"]))
        if path.is_relative_to(top) and path.suffix == ".c" and path.relative_to(top).parts[0] != "tests":
            sources[str(path.relative_to(top))] = entry
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(analyze, sources.keys(), sources.values()) if text]
    print("".join(findings) + f"{len(sources)} files, {len(findings)} with findings")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
