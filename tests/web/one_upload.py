#!/usr/bin/env python3
"""One picture, from the file to the download: with the mouse, and with the keyboard alone. What is downloaded is what
the server holds, and that is what the program makes of the picture."""
import io
import re
import sys

from PIL import Image

import support
from support import Browser, Files, Gateway, Keys, check


def result_of(gateway, name):
    job = next(job for job in gateway.jobs() if job["name"] == name)
    return gateway.request("GET", job["links"]["result"]).body


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.mode, image.size, image.tobytes()


def by_mouse(browser, gateway, files):
    data = support.picture(900, 700)
    browser.choose(files.write("scan.png", data))
    browser.wait_phase("scan.png", "done")
    card = browser.card("scan.png").text
    check("undefined" not in card and "NaN" not in card, "the words of the card", card)
    browser.open_result("scan.png")
    browser.wait_drawn("the picture is drawn")
    slider(browser)
    values(browser)
    modes(browser)
    browser.click("a", "download")
    came = browser.downloaded("scan")
    check(came == result_of(gateway, "scan.png"), "the download is the server's result", len(came))
    check(pixels(came) == pixels(support.convert(data, "--format", "png")), "its pixels are the program's", len(came))
    browser.show_performance()
    text = browser.text()
    check(not any(word in text for word in ("NaN", "undefined", "Infinity")), "the words of the performance", text)
    check("speed" in text.lower(), "the performance tells of speed-up", text)
    exports(browser, gateway)


def exports(browser, gateway):
    browser.show_history()
    for kind, name in (("CSV", b"scan.png"), ("JSON", b'"name":"scan.png"')):
        address = browser.named("a", f"save as {kind}")[0].get_attribute("href")
        answer = gateway.request("GET", "/" + address.split("/", 3)[3])
        check(answer.status == 200 and name in answer.body, f"the history as {kind}", answer)


def slider(browser):
    """The divider between original and result moves by keyboard and says where it is."""
    handle = browser.wait_for(".viewer [role=slider]", "the divider")
    if not handle:
        return
    browser.js("arguments[0].focus()", handle)

    def where():
        return int(handle.get_attribute("aria-valuenow"))

    before = where()
    browser.press(Keys.ARROW_LEFT)
    browser.wait(lambda: where() < before, "the divider moves to the left")
    before = where()
    browser.press(Keys.ARROW_RIGHT)
    browser.wait(lambda: where() > before, "the divider moves to the right")


def values(browser):
    """The pixel under the pointer is told: its colours, and the gray that the formula makes of them."""
    stage = browser.wait_for(".viewer canvas")
    offsets = iter(range(60, 100_000))

    def told():
        shift = next(offsets) % 20
        support.webdriver.ActionChains(browser.driver).move_to_element_with_offset(stage, 80 + shift, 40).perform()
        text = browser.one(".viewer-values").text
        found = re.search(r"R (\d+) G (\d+) B (\d+)\s+gray (\d+)", text)
        return found and "approximate" not in text and [int(part) for part in found.groups()]
    red, green, blue, gray = browser.wait(told, "exact values of the pixel under the pointer") or (0, 0, 0, 0)
    check(gray == (299 * red + 587 * green + 114 * blue + 500) // 1000, "gray is what the formula says",
          (red, green, blue, gray))


def modes(browser):
    check(len(browser.modes()) == 4, "the viewer's modes", len(browser.modes()))
    for mode in browser.modes():
        mode.click()
        browser.wait(lambda one=mode: one.get_attribute("aria-checked") == "true", "the chosen mode is marked")
        browser.wait_drawn("the picture in another mode")
    browser.press(Keys.ARROW_RIGHT)
    browser.wait(lambda: browser.modes()[0].get_attribute("aria-checked") == "true", "an arrow key takes the next")


def tab_to(browser, fits, what, most=120):
    for _ in range(most):
        browser.press(Keys.TAB)
        if fits(browser.focused()):
            return True
    return check(False, f"{what} can be reached with the Tab key")


def by_keyboard(browser, files):
    browser.open()
    tab_to(browser, lambda one: one.tag_name == "input" and one.get_attribute("type") == "file"
           or "choose" in one.accessible_name.lower(), "choosing files")
    browser.choose(files.write("keys.png", support.picture(120, 90)))
    browser.wait_phase("keys.png", "done")
    browser.js("document.activeElement.blur()")
    tab_to(browser, lambda one: "keys.png" in one.accessible_name and one.tag_name in ("a", "button"), "the result")
    outline = browser.js("""const style = getComputedStyle(document.activeElement);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";""")
    check(outline, "what has the focus is to be seen")
    browser.press(Keys.ENTER)
    browser.wait_drawn("the result opens with Enter")
    browser.press(Keys.ESCAPE)


def main():
    with Files() as files, Gateway() as gateway, Browser(gateway.url) as browser:
        by_mouse(browser, gateway, files)
        by_keyboard(browser, files)
    return support.finish()


sys.exit(main())
