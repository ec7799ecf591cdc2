"""Every page of the built site in a browser: which there are, what they load, and how they move."""

from __future__ import annotations

import gzip
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tools.paper import READY

COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}
"""What a web server sends compressed, as GitHub Pages does; fonts and pictures already are."""

REVEAL = """
for (const form of arguments[0].querySelectorAll(".dx-predict-form")) {
  const choice = form.querySelector("input[type=radio]");
  if (choice) choice.click();
  else form.querySelector("input").value = 1;
  form.requestSubmit();
}
"""
"""Commit a prediction where one is asked for, so that the controls open."""

MOVE_EVERYTHING = (
    "const [root, seed] = arguments;"
    + REVEAL
    + """
let state = seed + 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
const all = (selector) => [...root.querySelectorAll(selector)].filter((e) => !e.disabled);
let moves = 0;
const put = (input, value) => {
  input.value = value;
  for (const type of ["input", "change"]) input.dispatchEvent(new Event(type, { bubbles: true }));
  moves++;
};
const press = (button) => {
  if (!button.isConnected || button.dataset.dx === "forget") return; // it locks the rest
  button.click();
  moves++;
};
const between = (input) => {
  const low = Number(input.min || 0), high = Number(input.max || low + 100);
  return low + (high - low) * random();
};
for (const details of all("details")) details.open = true;
all("button").forEach(press);
for (const selector of ["input[type=range]", "input[type=number]"]) {
  for (const input of all(selector)) {
    const start = input.value;
    const values = [input.min, input.max, between(input), "", -1e9, 1e9, start];
    for (const value of values) put(input, value);
  }
}
all("input[type=radio], input[type=checkbox], [role=option]").forEach(press);
for (const select of all("select")) for (const option of select.options) put(select, option.value);
for (let round = 0; round < 3; round++) {
  for (const input of all("input[type=range], input[type=number]")) put(input, between(input));
  for (const button of all("button")) if (random() < 0.5) press(button);
}
const nonsense = /\\b(NaN|undefined|null|Infinity)\\b/;
return { moves, lines: root.innerText.split("\\n").filter((line) => nonsense.test(line)) };
"""
)
"""Every control to both ends, to nonsense and to random places; lines that then make no sense."""

ICONS_WITHOUT_A_GLYPH = """
const canvas = document.createElement("canvas");
const context = canvas.getContext("2d");
const picture = (font, text) => {
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.font = `900 50px ${font}`;
  context.fillText(text, 50, 80);
  return canvas.toDataURL();
};
return [...document.querySelectorAll("i[class*='fa-']")].filter((icon) => {
  const style = getComputedStyle(icon, "::before");
  const glyph = style.content.replaceAll('"', "");
  const font = style.fontFamily;
  return glyph.length !== 1 || picture(font, glyph) === picture(font, "\\ueffe"); // no such glyph
}).map((icon) => icon.className);
"""

STILL_MOVING = """
const seconds = (list) => Math.max(...list.split(",").map(parseFloat));
return [...document.querySelectorAll("body *")].filter((e) => {
  const style = getComputedStyle(e);
  const animated = style.animationName !== "none" && seconds(style.animationDuration) > 0;
  return animated || seconds(style.transitionDuration) > 0;
}).map((e) => e.outerHTML.slice(0, 100));
"""

UNWRAP_CODE_SEEN = """
const seen = new Set(arguments[0]);
for (const span of document.querySelectorAll("pre span[class]")) {
  if (seen.has(span.className)) span.replaceWith(...span.childNodes);
  seen.add(span.className);
}
return [...seen];
"""
"""Make plain text of all highlighted code but the first of each colour: of thousands of pieces."""

SPILLED = """
const edge = arguments[0].getBoundingClientRect().right;
return [...arguments[0].querySelectorAll("*:not(.dx-scroll *, pre *)")]
  .filter((e) => e.getBoundingClientRect().right > edge + 1).map((e) => e.outerHTML.slice(0, 120));
"""
"""What sticks out of an explorer on the right, other than inside a box that scrolls."""


def pages_of(site: Path) -> list[str]:
    """The addresses of all pages below the site's root, but for the one that only leads on."""
    pages = [p for p in sorted(site.rglob("*.html")) if "_static" not in p.parts]
    assert len(pages) > 10
    return [quote(str(p.relative_to(site))) for p in pages if p != site / "index.html"]


def pages_with_explorers(site: Path) -> list[str]:
    pages = [p for p in pages_of(site) if "data-dx-kind=" in (site / unquote(p)).read_text("utf-8")]
    assert pages, "the built site has no explorer on any page"
    return pages


def visit(driver, url: str) -> list:
    """Open a page, wait for its formulas and fonts, and return its explorers, all alive."""
    driver.get(url)
    driver.execute_async_script(READY)
    roots = driver.find_elements("css selector", ".dx[data-dx]")
    alive = driver.find_elements("css selector", ".dx[data-dx] > .dx-root")
    assert len(alive) == len(roots), f"{len(alive)} of {len(roots)} explorers alive on {url}"
    return roots


def sent_bytes(site: Path, base: str, addresses: list[str]) -> int:
    """The size of the files behind the addresses, as a server sends them."""
    paths = {unquote(urlsplit(url).path).lstrip("/") for url in addresses if url.startswith(base)}
    files = [site / (path or "index.html") for path in paths]
    return sum(
        len(gzip.compress(content) if file.suffix in COMPRESSED else content)
        for file in files
        if file.is_file()
        for content in [file.read_bytes()]
    )


def set_theme(driver, theme: str) -> None:
    for name in ("mode", "theme"):
        driver.execute_script(f"document.documentElement.dataset.{name} = '{theme}'")


def ask_for_less_motion(driver, preference: str = "reduce") -> None:
    feature = {"name": "prefers-reduced-motion", "value": preference}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def narrow(driver, width: int) -> None:
    """Make the window a phone's."""
    metrics = {"width": width, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
