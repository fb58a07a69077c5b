"""A headless Chromium at the page of open streams, driven by its own driver."""

import shutil
from contextlib import contextmanager

import pytest

MISSING = "needs Chromium and its driver: apt-get install chromium chromium-driver"
ARGUMENTS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "hide-scrollbars",
)
NOTE = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""
"""Runs in each page before its own scripts."""
CONTRAST = """
const parts = (color) => color.match(/[0-9.]+/g).map(Number);
const light = (color) => {
  const [r, g, b] = parts(color).map((one) => {
    const part = one / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (one) => {
  const color = getComputedStyle(one).backgroundColor;
  return parts(color)[3] === 0 ? behind(one.parentElement) : color;
};
const least = {};
for (const one of document.querySelectorAll("main *, header *")) {
  const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text || !one.checkVisibility() || one.closest("svg")) continue;
  const [low, high] = [light(getComputedStyle(one).color), light(behind(one))].sort();
  const ratio = (Math.max(low, high) + 0.05) / (Math.min(low, high) + 0.05);
  if (ratio < 4.5) least[`${one.tagName} ${one.className} ${one.textContent.trim()}`] = ratio;
}
return least;
"""
"""The texts that cannot be read well: WCAG 2.2 asks for a contrast of 4.5."""


@contextmanager
def browser():
    """A driver of a browser of its own; skips the test where none is installed."""
    selenium = pytest.importorskip("selenium", reason="needs selenium: nox -s browser")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip(MISSING)
    webdriver = pytest.importorskip("selenium.webdriver")
    assert selenium.__version__
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    with webdriver.Chrome(options=options, service=service) as chrome:
        chrome.set_page_load_timeout(30)
        chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NOTE})
        yield chrome


class Visit:
    """What the tests do in a browser."""

    def __init__(self, chrome, origin):
        self.chrome, self.origin = chrome, origin

    def log_in(self, cookies):
        """Take over the session of a client of Django's."""
        self.chrome.get(f"{self.origin}/login/")
        for name, morsel in cookies.items():
            self.chrome.add_cookie({"name": name, "value": morsel.value})

    def log_out(self):
        self.chrome.delete_all_cookies()

    def open(self, address, *, width=1280, height=900, scheme="light", script=True):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        self.chrome.get_log("browser")  # of the page before
        self.chrome.get(self.origin + address)

    def find(self, selector):
        return self.chrome.find_element("css selector", selector)

    def text(self, selector="body"):
        return self.find(selector).text

    def until(self, condition, patience=20):
        """Wait for what a condition of no argument returns, while the page changes."""
        from selenium.common import WebDriverException  # noqa: PLC0415 - see `browser`
        from selenium.webdriver.support.wait import WebDriverWait  # noqa: PLC0415

        # An element that is gone has an error of its own, one whose page is just going has none.
        changing = (WebDriverException,)
        wait = WebDriverWait(self.chrome, patience, 0.1, ignored_exceptions=changing)
        return wait.until(lambda _: condition())

    def js(self, source):
        return self.chrome.execute_script(source)

    def complaints(self):
        """What the browser has refused, and the errors in its console."""
        logged = [entry["message"] for entry in self.chrome.get_log("browser")]
        return [*self.js("return window.violations"), *logged]
