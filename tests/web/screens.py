#!/usr/bin/env python3
"""Takes pictures of the page in every state, in dark and light, on a desk and on a phone. Not a test.

usage: screens.py FOLDER   (RGB2GRAY names the built program; the gateway lies beside it)
"""
import os
import sys

if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
    sys.exit(__doc__)
OUT = sys.argv.pop()  # what is left of the words is for support

import support  # noqa: E402
from support import Browser, Files, Gateway  # noqa: E402


def shoot(browser, state):
    for scheme in ("dark", "light"):
        browser.scheme(scheme, motion="reduce")
        for device, (width, height) in (("desk", (1280, 900)), ("phone", (390, 844))):
            browser.size(width, height)
            browser.settle()
            browser.screenshot(os.path.join(OUT, f"{state}-{scheme}-{device}.png"))
    browser.size(1280, 900)
    browser.scheme("dark")


def states(browser, gateway, files):
    shoot(browser, "1-empty")
    gateway.hold_jobs()
    data = support.picture(1200, 900)
    browser.choose(files.write("chest.png", data), files.write("wrist.jpg", support.picture(800, 600, "jpeg", seed=5)))
    browser.wait_phase("chest.png", "running", "queued")
    browser.choose(files.write("broken.png", data[:len(data) // 2]), files.write("notes.txt", b"Not a picture.\n"))
    browser.wait_phase("notes.txt", "refused")
    shoot(browser, "2-at-work")
    gateway.let_jobs_go()
    for name, phase in (("chest.png", "done"), ("wrist.jpg", "done"), ("broken.png", "failed")):
        browser.wait_phase(name, phase)
    shoot(browser, "3-ended")
    browser.open_result("chest.png")
    browser.wait_drawn("the picture is drawn")
    shoot(browser, "4-result")
    for number, mode in enumerate(browser.modes()):
        mode.click()
        browser.settle()
        browser.screenshot(os.path.join(OUT, f"5-mode-{number}.png"))
    browser.show_performance()
    shoot(browser, "6-performance")
    browser.show_history()
    shoot(browser, "7-history")
    browser.open()
    gateway.hold_jobs()
    browser.choose(files.write("large.ppm", support.noise_ppm(2400, 1800)))
    browser.wait_phase("large.ppm", "uploading", "queued", "running")
    browser.network(offline=True)
    browser.settle()
    shoot(browser, "8-offline")
    browser.network()
    gateway.let_jobs_go()


def main():
    os.makedirs(OUT, exist_ok=True)
    with Files() as files:
        with Gateway("--launcher", "mpirun") as gateway, Browser(gateway.url, expected=("",)) as browser:
            states(browser, gateway, files)
        _, line = support.new_token("clinic")
        with Gateway(config=line + "\n") as gateway, Browser(gateway.url, expected=("",)) as browser:
            browser.wait_for("input[type=password]")
            shoot(browser, "9-token")
    return support.finish()


sys.exit(main())
