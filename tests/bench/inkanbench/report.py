"""Tables as Markdown that a terminal shows well: what is printed can be put into docs/ as it is."""


def text_of(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def key_name(key):
    """rsa:2048 and ec:P-256 for people."""
    return key.replace("rsa:", "RSA ").removeprefix("ec:")


class Table:
    """Numbers stand at the right; a column with a word in it does not hold numbers."""

    def __init__(self, title, columns, lines):
        self.title, self.columns = title, columns
        self.lines = [[text_of(value) for value in line] for line in lines]
        self.words = [any(isinstance(line[i], str) for line in lines) for i in range(len(columns))]

    def __str__(self):
        widths = [max(len(line[i]) for line in [self.columns, *self.lines]) for i in range(len(self.columns))]
        under = ["-" * w if words else "-" * (w - 1) + ":" for words, w in zip(self.words, widths)]
        rows = [self.columns, under, *self.lines]
        return "\n".join([f"{self.title}\n", *("| " + " | ".join(self.cells(row, widths)) + " |" for row in rows)])

    def cells(self, row, widths):
        return [t.ljust(w) if words else t.rjust(w) for t, words, w in zip(row, self.words, widths)]


def put_into(page, part, text):
    """Into a page of docs/, between the marks of the part; the page's own words stay."""
    begin, end = f"<!-- tests/bench/run: {part} -->\n", f"<!-- tests/bench/run: end of {part} -->\n"
    head, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, tail = rest.partition(end)
    assert found and ended, f"{page} has no place for {part}"
    page.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}", encoding="utf-8")
