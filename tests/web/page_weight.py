#!/usr/bin/env python3
"""The page is light, and its first words are there at once: its files under 100 kB in all as they are sent, the first
paint within a bound that a busy machine keeps too. The times are printed."""
import os
import re
import statistics
import sys

import support
from support import Browser, Gateway, check

MOST_NBYTES = 100_000
MOST_MS = 500
GOAL_MS = 100


def files():
    for folder, _, names in os.walk(support.WEB):
        for name in names:
            if name.endswith((".html", ".css", ".js", ".svg")):
                yield os.path.join(folder, name)


def weight(gateway):
    sizes = {}
    for path in files():
        name = os.path.relpath(path, support.WEB)
        answer = gateway.request("GET", "/" + name, headers={"Accept-Encoding": "gzip"})
        check(answer.status == 200, f"{name} is served", answer)
        sizes[name] = len(answer.body)
    total = sum(sizes.values())
    print(f"{len(sizes)} files, {total} bytes as sent, {sum(map(os.path.getsize, files()))} as files")
    check(total < MOST_NBYTES, f"the page is below {MOST_NBYTES} bytes as sent: {total}",
          sorted(sizes.items(), key=lambda one: -one[1]))


def from_nowhere_else():
    """No file names another host, but for the namespace of SVG."""
    for path in files():
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("http://www.w3.org/2000/svg", "")
        found = re.findall(r"(?:https?:)?//(?:[a-z0-9-]+\.)+[a-z]{2,}\S*", text)
        check(not found, f"{os.path.basename(path)} names another host", found)


def first_paint(gateway):
    with Browser(gateway.url) as browser:
        times = []
        for _ in range(5):
            browser.open()
            times.append(browser.wait(lambda: browser.js(
                "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"), "a first paint"))
        median = statistics.median(times)
        print(f"first contentful paint: {median:.0f} ms, goal {GOAL_MS} ms; {sorted(round(t) for t in times)}")
        check(median < MOST_MS, f"the first paint comes within {MOST_MS} ms", times)


def main():
    from_nowhere_else()
    with Gateway() as gateway:
        weight(gateway)
        first_paint(gateway)
    return support.finish()


sys.exit(main())
