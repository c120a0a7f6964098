#!/usr/bin/env python3
"""A hundred pictures at once: all are converted, the page answers meanwhile, and one download brings all results."""
import io
import sys
import zipfile

import support
from support import Browser, Files, Gateway, check

COUNT = 100
LONGEST_GAP_MS = 1500  # on two cores that convert meanwhile


def main():
    with Files() as files, Gateway() as gateway, Browser(gateway.url) as browser:
        paths = [files.write(f"scan-{i:03}.png", support.picture(64 + i, 48, seed=i)) for i in range(COUNT)]
        browser.watch_frames()
        browser.choose(*paths)
        browser.wait(lambda: browser.phases().count("done") == COUNT, "a hundred pictures are done", 150)
        gap = browser.longest_gap()
        print(f"longest time without a frame: {gap:.0f} ms")
        check(gap < LONGEST_GAP_MS, f"the page stays responsive: {gap:.0f} ms without a frame")
        jobs = gateway.jobs()
        check(len(jobs) == COUNT and all(job["state"] == "done" for job in jobs), "the server's jobs",
              [job["state"] for job in jobs])
        browser.click("button", "download all")
        held = zipfile.ZipFile(io.BytesIO(browser.downloaded(".zip")))
        check(held.testzip() is None and len(held.namelist()) == COUNT, "the archive of all results", held.namelist())
        for name in held.namelist()[:3]:
            job = next(job for job in jobs if job["name"].split(".")[0] == name.split("-gray")[0])
            result = gateway.request("GET", job["links"]["result"]).body
            check(held.read(name) == result, f"{name} is the server's result")
    return support.finish()


sys.exit(main())
