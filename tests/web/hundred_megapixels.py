#!/usr/bin/env python3
"""A picture of a hundred megapixels is opened and looked at pixel by pixel, without a long freeze or much memory."""
import sys

import support
from support import Browser, Files, Gateway, check

SIDE = 10_000
LONGEST_GAP_MS = 2500
HEAP_NBYTES = 200_000_000


def main():
    with Files() as files, Gateway() as gateway, Browser(gateway.url) as browser:
        browser.choose(files.write("large.ppm", support.noise_ppm(SIDE, SIDE)))
        browser.wait_phase("large.ppm", "done", seconds=150)
        browser.watch_frames()
        browser.open_result("large.ppm")
        stage = browser.wait_for(".viewer canvas")
        browser.wait_drawn("the picture is drawn", 120)
        browser.js("arguments[0].focus()", stage)
        browser.press("1")
        browser.wait_for_text("100 %")
        browser.wait(lambda: browser.asked("/tiles/result/0/"), "tiles of the very pixels are asked for", 60)
        for _ in range(6):
            browser.press(support.Keys.ARROW_RIGHT)
        gap, heap = browser.longest_gap(), browser.js("return performance.memory.usedJSHeapSize")
        print(f"longest time without a frame: {gap:.0f} ms; heap of JavaScript: {heap / 1e6:.0f} MB")
        check(gap < LONGEST_GAP_MS, f"no long freeze: {gap:.0f} ms")
        check(heap < HEAP_NBYTES, f"memory: {heap}")
    return support.finish()


sys.exit(main())
