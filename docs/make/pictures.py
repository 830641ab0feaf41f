"""Pictures as SVG: the states of each noun, and who hints whom. Boxes in columns, arrows between them."""
import html

BOX_W, BOX_H, GAP_X, GAP_Y = 112, 34, 56, 18
STYLE = ("text{font:14px sans-serif;fill:#1a1a1a}.t{font-weight:bold}.s{font-size:12px;fill:#555}"
         "rect{fill:#f3f6fb;stroke:#3a5a8c}.e{fill:#e9efe6;stroke:#4d7443}path{fill:none;stroke:#444}")
HEAD = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{title}">\n'
        '<style>{style}</style>\n<rect width="{w}" height="{h}" style="fill:#fff;stroke:none"/>\n'
        '<defs><marker id="a" markerWidth="9" markerHeight="9" refX="8" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" '
        'style="fill:#444;stroke:none"/></marker></defs>\n')


def svg(width, height, title, body):
    return HEAD.format(w=width, h=height, title=html.escape(title), style=STYLE) + body + "</svg>\n"


def words(x, y, text, kind="", anchor="middle"):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{html.escape(text)}</text>\n'


def box(x, y, text, final=False, w=BOX_W, h=BOX_H):
    kind = ' class="e"' if final else ""
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6"{kind}/>\n' + words(x + w // 2, y + h // 2 + 5, text)


def arrow(path):
    return f'<path d="{path}" marker-end="url(#a)"/>\n'


def columns_of(names, moves):
    """The column of each state: one behind the farthest state that leads to it."""
    column = dict.fromkeys(names, 0)
    for _ in names:
        for a, b in moves:
            column[b] = max(column[b], column[a] + 1)
    return column


def states(found):
    """found: noun → ([(state, final)], [(from, to)])."""
    body, top, width = "", 16, 0
    for noun, (names, moves) in found.items():
        body += words(16, top + 14, noun, "t", "start")
        top += 28
        column, place, filled = columns_of([n for n, _ in names], moves), {}, {}
        for name, final in names:
            row = filled.setdefault(column[name], 0)
            filled[column[name]] += 1
            place[name] = (16 + column[name] * (BOX_W + GAP_X), top + row * (BOX_H + GAP_Y))
            body += box(*place[name], name, final)
            width = max(width, place[name][0] + BOX_W + 16)
        for a, b in moves:
            (ax, ay), (bx, by) = place[a], place[b]
            far = column[b] - column[a] > 1
            y1, y2 = ay + BOX_H // 2, by + BOX_H // 2
            if far:  # over the boxes between
                x1, x2, high = ax + BOX_W - 24, bx + 24, min(ay, by) - 12
                body += arrow(f"M{x1},{ay} C{x1 + 30},{high} {x2 - 30},{high} {x2},{by}")
            else:
                body += arrow(f"M{ax + BOX_W},{y1} C{ax + BOX_W + 28},{y1} {bx - 28},{y2} {bx},{y2}")
        top += max(filled.values()) * (BOX_H + GAP_Y) + 14
    return svg(width, top, "the states and the moves between them", body)


def flow(daemons):
    """Who hints whom about which stage, from the tables of the daemons."""
    w, gap, y, h = 132, 70, 130, 96
    x_of = {name: 16 + i * (w + gap) for i, name in enumerate(daemons)}
    works = {stage: name for name, d in daemons.items() for stage in d["works"]}
    body, arcs = "", {}
    for name, d in daemons.items():
        x = x_of[name]
        body += box(x, y, "", w=w, h=h) + words(x + w // 2, y + 24, name, "t")
        for i, line in enumerate([", ".join(d["works"][j:j + 2]) for j in range(0, len(d["works"]), 2)] or ["pages, API, links"]):
            body += words(x + w // 2, y + 48 + 20 * i, line, "s")
        for stage in d["hints"]:
            arcs.setdefault((name, works[stage]), []).append(stage)
    order = list(daemons)
    for (a, b), stages in arcs.items():
        label, away = ", ".join(stages), order.index(b) - order.index(a)
        ax, bx = x_of[a], x_of[b]
        if away == 0:
            body += arrow(f"M{ax + w // 2 - 26},{y + h} C{ax + w // 2 - 40},{y + h + 44} {ax + w // 2 + 40},{y + h + 44} {ax + w // 2 + 26},{y + h}")
            body += words(ax + w // 2, y + h + 50, label, "s")
        elif away == 1:
            body += arrow(f"M{ax + w},{y + 40} L{bx},{y + 40}") + words((ax + w + bx) // 2, y + 32, label, "s")
        elif away > 1:
            high = y - 26 - 28 * (away - 1)
            x1, x2 = ax + w - 30 + 8 * away, bx + 40 - 8 * (order.index(a))
            body += arrow(f"M{x1},{y} C{x1},{high} {x2},{high} {x2},{y}") + words((x1 + x2) // 2, high + 22 + 4 * away, label, "s")
        else:
            body += arrow(f"M{ax},{y + 76} L{bx + w},{y + 76}") + words((ax + bx + w) // 2, y + 92, label, "s")
    return svg(16 + len(order) * (w + gap) - gap + 16, y + h + 66, "who hints whom about which stage", body)
