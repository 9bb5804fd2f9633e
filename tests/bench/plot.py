"""Lines on two logarithmic axes, side by side, as SVG: enough to see whether a cost grows."""
import dataclasses
import math

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 280, 52, 40, 46, 14
COLOURS = ("#1f6fb4", "#c8502d", "#5a8f3c")


@dataclasses.dataclass
class Panel:
    across: str  # what the horizontal axis counts
    title: str  # what the vertical axis counts, with its unit
    lines: dict  # name: [(x, y), ...]


def svg(panels):
    width = WIDTH * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
             'font-family="sans-serif" font-size="11">', f'<rect width="{width}" height="{HEIGHT}" fill="white"/>']
    for i, panel in enumerate(panels):
        parts += [f'<g transform="translate({WIDTH * i} 0)">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel):
    xs = [x for line in panel.lines.values() for x, _ in line]
    ys = [y for line in panel.lines.values() for _, y in line]
    across = _scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    y_low, y_high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys) * 1.001))
    up = _scale(y_low, y_high, HEIGHT - BOTTOM, TOP)
    yield f'<text x="{LEFT}" y="16">{panel.title}</text>'
    for x in sorted(set(xs)):
        yield f'<line x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>'
        yield f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{_short(x)}</text>'
    for power in range(round(math.log10(y_low)), round(math.log10(y_high)) + 1):
        at = up(10.0**power)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ccc"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{panel.across}</text>'
    for i, ((name, line), colour) in enumerate(zip(panel.lines.items(), COLOURS)):
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in line)
        yield f'<text x="{LEFT + 80 * i}" y="34" fill="{colour}" font-weight="bold">{name}</text>'


def _scale(low, high, start, end):
    """A value between low and high as a place between start and end, logarithmically."""
    span = math.log(high / low) or 1
    return lambda value: start + (end - start) * math.log(value / low) / span


def _short(number):
    if number >= 1 << 20 and number % (1 << 20) == 0:
        return f"{number >> 20} Mi"
    if number >= 1024 and number % 1024 == 0:
        return f"{number >> 10} Ki"
    return f"{number:,}"
