"""The pictures of docs/images, made anew from a running demo: `nox -s screenshots`."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from live_demo import live_demo, origin_in, password_in
from page_browser import Visit, browser

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
    IMAGES.mkdir(exist_ok=True)
    picture = Image.open(BytesIO(visit.chrome.get_screenshot_as_png()))
    picture.quantize(COLOURS).save(IMAGES / f"{name}.png", optimize=True)


def main():
    with live_demo() as demo, browser() as chrome:
        visit = Visit(chrome, origin_in(demo.text))
        log_in(visit, password_in(demo.text))
        visit.until(lambda: visit.find("#all-stalled"), patience=90)
        addresses = {"table": "/streams/", "stream": address_of(visit)}
        for name, page, width, scheme in PICTURES:
            photograph(visit, name, addresses[page], width, scheme)


if __name__ == "__main__":
    main()
