"""The words that people read stand in the catalogues, each in both languages, and nowhere else."""
import ast
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
INGRESS = TOP / "services/ingress"
JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]")
SENTENCE = re.compile(r"[A-Za-z]{3,} [a-z]{2,}")
MARKS = {"OK", "NG"}  # the manual's results, the same in both languages
NOT_TRANSLATED = {"other_language", "other_language_code", "link_names"}  # named in the other language, and a name of the manual's


def catalogue(path, macro, arguments):
    """The macro's invocations in a .def file, as tuples; the first argument is a word."""
    names = ", ".join(f"a{i}" for i in range(arguments))
    values = ", ".join(["#a0", *(f"a{i}" for i in range(1, arguments))])
    out = subprocess.run(["cc", "-E", "-P", "-xc", "-I", str(TOP), "-"], text=True, check=True, capture_output=True,
                         input=f'#define {macro}({names}) @@({values})\n#include "{path}"\n').stdout
    return [ast.literal_eval(part.strip()) for part in out.split("@@")[1:]]


TEXTS = catalogue("services/ingress/pages/texts.def", "TEXT", 3)
ERRORS = catalogue("proto/errors.def", "ERROR", 6)


def is_pair(ja, en):
    """Japanese and English of one text; names and codes are the same in both."""
    return bool(JAPANESE.search(ja) and en.strip() and not JAPANESE.search(en)) or (ja == en and not SENTENCE.search(ja))


def test_every_text_has_both_languages():
    assert [t for t in TEXTS if t[0] not in NOT_TRANSLATED and not is_pair(*t[1:])] == []
    assert len({t[0] for t in TEXTS}) == len(TEXTS)


def test_every_error_has_both_languages():
    bad = [e for e in ERRORS if not (is_pair(e[2], e[3]) and is_pair(e[4], e[5]))
           or e[2].count("{}") != e[3].count("{}") or e[4].count("{}") != e[5].count("{}")]
    assert bad == []


def literals(source):
    """The string literals of C or JavaScript, without those of comments, logs and includes."""
    source = re.sub(r"/\*.*?\*/|//[^\n]*|log_\w+\(.*?\);|#include[^\n]*", "", source, flags=re.S)
    return [next(g for g in m if g) for m in re.findall(r'"((?:[^"\\\n]|\\.)+)"|\'((?:[^\'\\\n]|\\.){2,})\'|`([^`]+)`', source)]


def words_outside(template):
    """What a template says in words of its own."""
    text = re.sub(r"\{\{.*?\}\}", "", template, flags=re.S)
    said = re.findall(r'\s(?:aria-label|alt|title|placeholder)="([^"]*)"', text)
    said += re.findall(r'<input[^>]*type="(?:submit|button)"[^>]*value="([^"]*)"', text)
    said.append(re.sub(r"<[^>]*>", " ", text))
    return {word for part in said for word in re.findall(r"[^\W\d_]+", part)} - MARKS


def test_templates_have_no_words_of_their_own():
    found = {path.name: words_outside(path.read_text()) for path in (INGRESS / "templates").glob("*.html")}
    assert len(found) > 10 and {name: words for name, words in found.items() if words} == {}


def test_words_outside_are_noticed():
    assert words_outside('<p class="lead">{{t.lead}} Hello</p>') == {"Hello"}
    assert words_outside('<p aria-label="説明">{{lead}}</p>') == {"説明"}
    assert literals('f("two words", TEXT_x); /* "a comment" */ log_error("to the log");') == ["two words"]


@pytest.mark.parametrize("pattern", ["*/page*.c", "*/*_view.c", "*/export*.c", "*/permission_api.c", "static/*.js", "web/src/*.mjs"])
def test_code_of_pages_has_no_words_of_its_own(pattern):
    paths = list(INGRESS.glob(pattern))
    assert paths
    for path in paths:
        said = [text for text in literals(path.read_text()) if JAPANESE.search(text) or SENTENCE.search(text)]
        assert said == [], path.name


def test_every_text_is_used_and_every_use_has_a_text():
    ids = {t[0] for t in TEXTS}
    uses = set()
    for path in (INGRESS / "templates").glob("*.html"):
        uses |= set(re.findall(r"\{\{[#^/]?t\.(\w+)\}\}", path.read_text()))
    assert uses <= ids
    for path in [*INGRESS.rglob("*.c"), *INGRESS.rglob("*.def")]:
        if path.name != "texts.def":
            uses |= set(re.findall(r"TEXT_(\w+)", path.read_text()))
            uses |= set(re.findall(r"MENU_GROUP\((\w+)\)", path.read_text()))
            uses |= {i for pair in re.findall(r'MENU_ITEM\("[^"]*", (\w+), (\w+)\)', path.read_text()) for i in pair}
    scripts = {f"tool_{name}" for path in (INGRESS / "web/src").glob("*.mjs")
               for name in re.findall(r'\bword\("(\w+)"', path.read_text())}
    assert scripts <= ids
    assert ids - uses - scripts == set()
