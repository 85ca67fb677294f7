"""The report in headless Chromium: console, widths, legends, sorting, contrast, keyboard. Skipped without one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rfast_bench.records.reading import find_runs
from rfast_bench.report.page.html import page
from rfast_bench.report.page.pdf import BROWSERS, to_pdf
from tests.support.synthetic_records import decay, save, straggler_scenario, sweep_scenario

BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
DRIVER = shutil.which("chromedriver")
if BROWSER is None or DRIVER is None:
    pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)", allow_module_level=True)

from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

WIDTHS = (1280, 400)
SCHEMES = ("light", "dark")


class Tab:
    """One browser tab, with what the tests ask of it. Everything in it is bounded in time."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def show(self, path: Path, width: int = 1280, scheme: str = "light") -> None:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(path.as_uri())

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found

    def console(self) -> list[Any]:
        said: list[Any] = self.driver.get_log("browser")
        return said


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        driver.set_page_load_timeout(60)
        driver.set_script_timeout(60)
        yield Tab(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A scenario with every way of ending, a sweep, and both with a third of many long labels."""
    home = tmp_path_factory.mktemp("pages")
    folders = {"one": straggler_scenario(home / "a"), "sweep": sweep_scenario(home / "b"), "all": home}
    save(home / "d", "long", 0, decay(0, "x", 0.001, end=60_000.0), scenario="long", targets={})
    for number in range(12):
        label = f"method {number} with-a-rather-long-name"
        save(home / "c", label, 0, decay(number, "x", 0.05 + 0.02 * number), scenario="many", order=number)
    for name, folder in folders.items():
        (home / f"{name}.html").write_text(page(find_runs([folder])), encoding="utf-8")
    return {name: home / f"{name}.html" for name in folders}


@pytest.mark.parametrize("name", ["one", "sweep", "all"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_page(tab: Tab, pages: dict[str, Path], name: str, width: int) -> None:
    tab.show(pages[name], width)
    tab.js("for (const one of document.querySelectorAll('details')) one.open = true")
    assert tab.js("return innerWidth") == width
    assert tab.js("const all = document.documentElement; return all.scrollWidth - all.clientWidth") == 0
    wide = """
      return [...document.querySelectorAll("main *")].filter((one) => !one.closest(".scroll, svg"))
        .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
        .map((one) => one.outerHTML)"""
    assert tab.js(wide) == []


@pytest.mark.parametrize("name", ["one", "sweep", "all"])
def test_the_console_is_clean_and_nothing_is_loaded(tab: Tab, pages: dict[str, Path], name: str) -> None:
    for scheme in SCHEMES:
        tab.show(pages[name], scheme=scheme)
        for button in tab.all(".legend button, thead button")[:8]:
            tab.js("arguments[0].click()", button)
        assert tab.console() == []
        assert tab.js("return performance.getEntriesByType('resource').map((one) => one.name)") == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_words_in_a_drawing_cover_each_other(tab: Tab, pages: dict[str, Path], width: int) -> None:
    tab.show(pages["all"], width)
    tab.js("for (const one of document.querySelectorAll('details')) one.open = true")
    covering = """
      const found = [];
      for (const svg of document.querySelectorAll("figure svg[role=img]")) {
        const words = [...svg.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
        const whole = svg.getBoundingClientRect();
        for (const [said, box] of words)
          if (box.left < whole.left - 1 || box.right > whole.right + 1) found.push(["outside", said]);
        words.forEach(([one, a], k) => words.slice(k + 1).forEach(([other, b]) => {
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (across > 1 && down > 4.5) found.push([svg.getAttribute("aria-label"), one, other]);
        }));
      }
      return found"""
    assert tab.js(covering) == []


def test_a_legend_button_hides_its_label_everywhere_in_its_part(tab: Tab, pages: dict[str, Path]) -> None:
    tab.show(pages["one"])
    button = tab.all(".legend button")[0]
    shown = """
      return [...document.querySelectorAll(".series")]
        .filter((one) => one.getClientRects().length).map((one) => one.dataset.series)"""
    before = tab.js(shown)
    index = button.get_attribute("data-series")
    assert before.count(index) >= 5
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert tab.js(shown) == [one for one in before if one != index]
    button.send_keys(Keys.SPACE)
    assert button.get_attribute("aria-pressed") == "true"
    assert tab.js(shown) == before


def column(tab: Tab, at: int) -> list[str]:
    return [str(cell.text) for cell in tab.all(f"table:first-of-type tbody tr > :nth-child({at + 1})")]


def test_a_heading_sorts_by_number_and_keeps_what_has_none_last(tab: Tab, pages: dict[str, Path]) -> None:
    tab.show(pages["one"])
    table = tab.all(".scroll:not(.glance) table")[0]
    headings = table.find_elements(By.CSS_SELECTOR, "thead th")
    names = [heading.text.split("\u00a0")[0] for heading in headings]
    at = names.index("time to gap 0.1 (s)")
    values = (
        "return [...arguments[0].tBodies[0].rows].map((row) => row.cells[arguments[1]].dataset.value ?? null)"
    )
    known = sorted(float(one) for one in tab.js(values, table, at) if one is not None)
    assert len(known) >= 3
    headings[at].find_element(By.TAG_NAME, "button").click()
    assert headings[at].get_attribute("aria-sort") == "ascending"
    found = tab.js(values, table, at)
    assert [float(one) for one in found[: len(known)]] == known
    assert set(found[len(known) :]) == {None}
    headings[at].find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert headings[at].get_attribute("aria-sort") == "descending"
    found = tab.js(values, table, at)
    assert [float(one) for one in found[: len(known)]] == known[::-1]
    assert set(found[len(known) :]) == {None}


def test_words_sort_as_words_and_one_heading_at_a_time(tab: Tab, pages: dict[str, Path]) -> None:
    tab.show(pages["one"])
    table = tab.all(".scroll:not(.glance) table")[0]
    buttons = table.find_elements(By.CSS_SELECTOR, "thead button")
    buttons[1].click()
    buttons[0].click()
    labels = [cell.text for cell in table.find_elements(By.CSS_SELECTOR, "tbody th")]
    assert labels == sorted(labels)
    sorts = [one.get_attribute("aria-sort") for one in table.find_elements(By.CSS_SELECTOR, "thead th")]
    assert sorts == ["ascending"] + ["none"] * (len(sorts) - 1)


@pytest.mark.parametrize(("rows", "is_open"), [(14, True), (30, False)])
def test_a_long_table_is_folded_and_shows_the_rows_that_are_asked_for(
    rows: int, is_open: bool, tab: Tab, tmp_path: Path
) -> None:
    for number in range(rows):
        label = f"{'odd' if number % 2 else 'even'} {number}"
        save(tmp_path / "many", label, 0, decay(number, "x", 0.05), scenario="many", order=number)
    (tmp_path / "many.html").write_text(page(find_runs([tmp_path / "many"])), encoding="utf-8")
    tab.show(tmp_path / "many.html")
    (first, *_) = tab.all("details.long")
    assert f"{rows} rows" in first.find_element(By.TAG_NAME, "summary").text
    assert (first.get_attribute("open") is not None) == is_open
    if not is_open:
        first.find_element(By.TAG_NAME, "summary").click()
    first.find_element(By.CSS_SELECTOR, ".filter input").send_keys("ODD 1")
    shown = [row for row in first.find_elements(By.CSS_SELECTOR, "tbody tr") if row.is_displayed()]
    assert 0 < len(shown) < rows / 2
    assert all("odd" in row.text and "1" in row.text for row in shown)
    assert first.find_element(By.TAG_NAME, "output").text == f"{len(shown)} of {rows} rows"


def test_the_contents_lead_to_every_section(tab: Tab, pages: dict[str, Path]) -> None:
    for name in ("one", "all"):
        tab.show(pages[name])
        targets = [str(one.get_attribute("href")).partition("#")[2] for one in tab.all("nav a")]
        assert len(targets) == len(set(targets)) >= 6
        assert all(len(tab.all(f"[id='{target}']")) == 1 for target in targets)
        found = {str(one.get_attribute("id")) for one in tab.all("h3[id]")}
        assert found <= set(targets)


CONTRAST = """
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll(arguments[0])].map((one) => {
    const own = light(getComputedStyle(one)[arguments[1]]);
    return (Math.max(own, page) + 0.05) / (Math.min(own, page) + 0.05);
  })"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(tab: Tab, pages: dict[str, Path], scheme: str) -> None:
    """WCAG 2.1: 4.5 for text. Curves have dashes and markers besides, and keep the palette of the plots."""
    tab.show(pages["all"], scheme=scheme)
    assert (
        min(
            tab.js(
                CONTRAST,
                "h1, h2, h3, h4, p, li, td, th, th button, dt, dd, a, summary, .legend span",
                "color",
            )
        )
        >= 4.5
    )
    assert min(tab.js(CONTRAST, "figure text:not(.worker)", "fill")) >= 4.5
    assert min(tab.js(CONTRAST, ".curve", "stroke")) >= (2.2 if scheme == "light" else 3)
    dark = tab.js("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    assert dark == (scheme == "dark")


def test_the_first_key_reaches_the_skip_link(tab: Tab, pages: dict[str, Path]) -> None:
    tab.show(pages["one"])
    body = tab.all("body")[0]
    body.send_keys(Keys.TAB)
    focused = tab.driver.switch_to.active_element
    assert focused.get_attribute("class") == "skip"
    assert tab.js("return arguments[0].getBoundingClientRect().left", focused) >= 0
    focused.send_keys(Keys.ENTER)
    assert tab.js("return document.activeElement.id") == "main"


def test_every_button_and_box_can_be_reached_by_keyboard(tab: Tab, pages: dict[str, Path]) -> None:
    tab.show(pages["sweep"])
    wanted = tab.js("return document.querySelectorAll('a[href], button, summary, .scroll').length")
    seen = 0
    for _ in range(wanted + 5):
        tab.driver.switch_to.active_element.send_keys(Keys.TAB)
        if tab.js("return document.activeElement.matches('a[href], button, summary, .scroll')"):
            seen += 1
        else:
            break
    hidden = tab.js(
        "return document.querySelectorAll('details:not([open]) :is(a[href], button, .scroll)').length"
    )
    assert seen == wanted - hidden


def test_all_is_open_on_paper_and_closed_again(tab: Tab, pages: dict[str, Path]) -> None:
    tab.show(pages["sweep"])
    closed = "return document.querySelectorAll('details:not([open])').length"
    before = tab.js(closed)
    assert before > 6
    tab.js("dispatchEvent(new Event('beforeprint'))")
    assert tab.js(closed) == 0
    tab.js("dispatchEvent(new Event('afterprint'))")
    assert tab.js(closed) == before


def test_the_page_as_pdf(pages: dict[str, Path]) -> None:
    data = to_pdf(pages["one"].read_text(encoding="utf-8"))
    assert data.startswith(b"%PDF-")
    assert len(data) > 20_000
