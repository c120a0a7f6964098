#!/usr/bin/env python3
"""What hands do: wheel, drag and pinch in the viewer, its keys, the divider; pictures pasted, dropped, and of a folder;
settings that come with a link."""
import base64
import sys

import support
from support import Browser, By, Files, Gateway, Keys, check

WHERE = "const box = arguments[0].getBoundingClientRect(); return [box.left, box.top, box.width, box.height]"


def zoom(browser):
    return float(browser.one(".viewer output").text.split()[0])


def mouse(browser, kind, x, y, held=True):
    browser.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=int(held), clickCount=1)


def touch(browser, kind, *points):
    browser.cdp("Input.dispatchTouchEvent", type=kind,
                touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)])


def position(browser):
    """x and y of the pixel under the pointer, as the page tells them; None where it tells none."""
    words = browser.one(".viewer-values").text.split()
    return (int(words[1]), int(words[3])) if words[:1] == ["x"] else None


def viewer(browser):
    canvas = browser.wait_for("canvas")
    left, top, width, height = browser.js(WHERE, canvas)
    x, y = int(left + width * .25), int(top + height * .5)
    fitted = zoom(browser)
    for _ in range(5):
        browser.cdp("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-120)
    browser.wait(lambda: zoom(browser) > 2 * fitted, "the wheel zooms in")
    check(browser.js("return scrollY") == 0, "the wheel over the picture does not scroll the page")

    mouse(browser, "mouseMoved", x, y, held=False)
    before = browser.wait(lambda: position(browser), "values under the pointer")
    mouse(browser, "mousePressed", x, y)
    for i in range(1, 9):
        mouse(browser, "mouseMoved", x + 10 * i, y)
    mouse(browser, "mouseReleased", x + 80, y)
    mouse(browser, "mouseMoved", x, y, held=False)
    browser.wait(lambda: (position(browser) or before)[0] < before[0], "a drag moves the picture")

    before = zoom(browser)
    touch(browser, "touchStart", (x - 40, y), (x + 40, y))
    for i in range(1, 8):
        touch(browser, "touchMove", (x - 40 - 8 * i, y), (x + 40 + 8 * i, y))
    touch(browser, "touchEnd")
    browser.wait(lambda: zoom(browser) > 1.5 * before, "two fingers zoom in")

    handle = browser.one(".viewer-divider")
    left, top, width, height = browser.js(WHERE, handle)
    x, y = left + width / 2, top + height / 2
    mouse(browser, "mousePressed", x, y)
    mouse(browser, "mouseMoved", x - 200, y)
    mouse(browser, "mouseReleased", x - 200, y)
    browser.wait(lambda: float(handle.get_attribute("aria-valuenow")) < 45, "the divider follows the mouse")

    browser.js("arguments[0].focus()", canvas)
    browser.press("1")
    browser.wait(lambda: zoom(browser) == 100, "1 shows single pixels")
    browser.press("+")
    browser.wait(lambda: zoom(browser) > 100, "+ zooms in")
    browser.press("0")
    browser.wait(lambda: zoom(browser) == fitted, "0 shows all")


def hand_over(browser, how, name, data):
    """As another program would, by the clipboard or by dragging."""
    browser.js("""
        const [how, name, data] = arguments;
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, {type: "image/png"}));
        const send = (kind) => document.body.dispatchEvent(kind === "paste"
          ? new ClipboardEvent(kind, {clipboardData: transfer, bubbles: true})
          : new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        for (const kind of how === "paste" ? ["paste"] : ["dragenter", "dragover", "drop"]) send(kind);""",
               how, name, base64.b64encode(data).decode())
    browser.wait_phase(name, "done")


def main():
    with Files() as files, Gateway() as gateway, Browser(gateway.url) as browser:
        browser.choose(files.write("scan.png", support.picture(3000, 2000)))
        browser.wait_phase("scan.png", "done")
        browser.open_result("scan.png")
        browser.wait_drawn("the picture is drawn")
        viewer(browser)

        browser.driver.get("about:blank")
        browser.open("#set/method=bt709&format=jpeg&quality=70&ranks=1&compare=off&odd=1")
        browser.wait_for_text("BT.709 · JPEG · quality 70 · 1 rank")
        browser.driver.refresh()
        browser.wait_for_text("BT.709 · JPEG · quality 70 · 1 rank")
        browser.click("button", "settings")
        browser.wait_for_text("2126 R + 7152 G + 722 B")
        browser.press(Keys.ESCAPE)

        hand_over(browser, "paste", "pasted.png", support.picture(30, 20))
        hand_over(browser, "drop", "dropped.png", support.picture(31, 20))
        job = next(job for job in gateway.jobs() if job["name"] == "dropped.png")
        options = job["options"]
        told = (options["method"], options["format"], options["quality"], options["ranks"], options["compare"])
        check(told == ("bt709", "jpeg", 70, 1, False), "the job has the link's settings", job)
        with Files() as folder:
            folder.write("first.png", support.picture(20, 20))
            folder.write("second.png", support.picture(20, 21))
            folder.write(".hidden.png", support.picture(20, 22))
            browser.driver.find_element(By.ID, "folder").send_keys(folder.folder)
            for name in ("first.png", "second.png"):
                browser.wait_phase(name, "done")
        check(not browser.card(".hidden.png"), "hidden files of a folder are left out")
    return support.finish()


sys.exit(main())
