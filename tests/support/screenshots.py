"""The pictures of docs/images, made anew from a running demo: `nox -s screenshots`."""

import argparse
from io import BytesIO, StringIO
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI

from live_demo import live_demo, origin_in, password_in
from page_browser import Visit, browser
from streaminstr._top import sources
from streaminstr._top.options import add_arguments
from streaminstr._top.screen import picture

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PICTURES = (  # name, page, width, colour scheme
    ("open-streams-light", "table", 1280, "light"),
    ("open-streams-dark", "table", 1280, "dark"),
    ("open-streams-phone", "table", 390, "light"),
    ("open-stream-light", "stream", 1280, "light"),
    ("open-stream-dark", "stream", 1280, "dark"),
    ("open-stream-phone", "stream", 390, "dark"),
)
HIGHEST = {1280: 1300, 390: 1500}
"""Pixels of a picture from its top, by its width."""
COLOURS = 224
"""Of a picture: enough for text that is drawn softly."""
TERMINAL = 80, 22
"""Columns and lines."""
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
text {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
{styles}
</style>
<defs>{lines}</defs>
<g transform="translate({terminal_x}, {terminal_y})">
<rect x="-8" y="-34" width="{width}" height="{height}" rx="8" fill="#292929"/>
{backgrounds}{matrix}
</g>
</svg>
"""
"""rich's own has fonts from elsewhere in it."""


def log_in(visit, password):
    visit.open("/streams/")
    visit.find("[name=username]").send_keys("staff")
    visit.find("[name=password]").send_keys(password)
    visit.find("form button").click()
    visit.until(lambda: visit.find("#live"))


def address_of(visit):
    """Of the page of the stream that waits for its upstream."""
    link = visit.find("tr:has(.upstream) a")
    return link.get_attribute("href").removeprefix(visit.origin)


def photograph(visit, name, address, width, scheme):
    visit.open(address, width=width, scheme=scheme)
    visit.until(lambda: visit.find("#pause").is_displayed())
    height = min(visit.js("return document.documentElement.scrollHeight"), HIGHEST[width])
    visit.open(address, width=width, height=height, scheme=scheme)
    visit.until(lambda: visit.find("#pause").is_displayed())
    picture = Image.open(BytesIO(visit.chrome.get_screenshot_as_png()))
    picture.quantize(COLOURS).save(IMAGES / f"{name}.png", optimize=True)


def record_top():
    """What `streaminstr top` shows now, on a terminal of 80 columns."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    width, height = TERMINAL
    console = Console(file=StringIO(), record=True, force_terminal=True, width=width, height=height)
    console.print(picture(sources.of_user()(), parser.parse_args([]), console))
    console.save_svg(str(IMAGES / "top.svg"), title="", code_format=SVG, theme=MONOKAI)


def main():
    IMAGES.mkdir(exist_ok=True)
    with live_demo() as demo, browser() as chrome:
        visit = Visit(chrome, origin_in(demo.text))
        log_in(visit, password_in(demo.text))
        visit.until(lambda: visit.find("#all-stalled"), patience=90)
        addresses = {"table": "/streams/", "stream": address_of(visit)}
        for name, page, width, scheme in PICTURES:
            photograph(visit, name, addresses[page], width, scheme)
        record_top()


if __name__ == "__main__":
    main()
