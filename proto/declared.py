"""Reads proto/*.def and their like for programs that are not C."""
import ast
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent


def rows(name, macros, compiler=("cc",), headers=()):
    """The invocations of the macros in the file (below the source tree), each as (macro, *arguments), in order. macros:
    {macro: (arguments, flags)}; an argument is made a string where its flag is 1. headers define what the others expand to."""
    defines = "".join(f"#define {m}({', '.join(a)}) @@(\"{m}\", {', '.join(('#' if q else '') + x for x, q in zip(a, quoted))})\n"
                      for m, (a, quoted) in macros.items())
    source = "".join(f'#include "{header}"\n' for header in headers) + defines + f'#include "{name}"\n'
    out = subprocess.run([*compiler, "-E", "-P", "-xc", "-I", str(TOP), "-"], input=source, text=True, check=True,
                         capture_output=True).stdout
    return [ast.literal_eval(part.strip()) for part in out.split("@@")[1:]]
