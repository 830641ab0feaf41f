"""Charts as SVG: bars, and a line over a logarithmic axis."""
import html
import math

from .report import text_of

WIDTH, LEFT, RIGHT, TOP = 720, 210, 90, 56
BAR, GAP, HEIGHT = 22, 10, 260
COLOURS = ("#00539f", "#c74700", "#2c7c3f", "#6b4fa0", "#8a6d00", "#5c5c5c")
STYLE = ("text{font:13px system-ui,sans-serif;fill:#1a1a1c}.title{font-size:16px;font-weight:600}.note{fill:#5c5c5c;font-size:12px}"
         ".axis{stroke:#999}.grid{stroke:#e6e6e6}")


def text(x, y, words, anchor="start", kind="label"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def document(title, note, height, parts):
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{html.escape(title)}">',
            f"<style>{STYLE}</style>", f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>', text(16, 24, title, kind="title"),
            text(16, 42, note, kind="note")]
    return "\n".join([*head, *parts, "</svg>\n"])


def bars(title, note, pairs):
    """pairs: (label, value), one bar each; those that begin alike have one colour."""
    greatest = max(value for _, value in pairs) or 1
    groups = list(dict.fromkeys(label.split(",")[0] for label, _ in pairs))
    parts = []
    for i, (label, value) in enumerate(pairs):
        y, width = TOP + i * (BAR + GAP), (WIDTH - LEFT - RIGHT) * value / greatest
        colour = COLOURS[groups.index(label.split(",")[0]) % len(COLOURS)]
        parts += [text(LEFT - 8, y + 16, label, "end"), f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
                  text(LEFT + width + 6, y + 16, text_of(value))]
    return document(title, note, TOP + len(pairs) * (BAR + GAP) + 6, parts)


def line(title, note, x_name, points):
    """points: (x, y) from left to right; x logarithmic, y from 0."""
    low, high = math.log10(points[0][0]), math.log10(points[-1][0])
    greatest = max(y for _, y in points) * 1.15 or 1
    left, right, bottom = 70, WIDTH - 50, TOP + HEIGHT

    def at(x, y):
        return left + (right - left) * (math.log10(x) - low) / ((high - low) or 1), bottom - HEIGHT * y / greatest
    parts = []
    for value in (greatest * i / 4 for i in range(5)):
        y = at(points[0][0], value)[1]
        parts += [f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>', text(left - 6, y + 4, text_of(value), "end")]
    parts += [f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>', text((left + right) / 2, bottom + 36, x_name, "middle")]
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(at(*point) for point in points))
    parts.append(f'<path d="{path}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>')
    for point in points:
        x, y = at(*point)
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[0]}"/>', text(x, y - 10, text_of(point[1]), "middle"),
                  text(x, bottom + 18, f"{point[0]:,}", "middle")]
    return document(title, note, bottom + 50, parts)
