#!/usr/bin/env python3
"""What goes wrong on the way mends itself: what was cancelled is tried again, a page is loaded anew in mid upload or in
mid job, a gateway dies in mid job, a network goes and comes back."""
import sys

import support
from support import Browser, Files, Gateway, check

# What a browser logs of requests that the test made impossible.
NETWORK = ("net::ERR_", "status of 404", "status of 409", "status of 410", "status of 503")


FILES_KEPT = """const done = arguments[0], opening = indexedDB.open("rgb2gray", 1);
opening.onsuccess = () => {
    const counting = opening.result.transaction("files").objectStore("files").count();
    counting.onsuccess = () => { opening.result.close(); done(counting.result); };
};"""


def cancel_and_retry(gateway, browser, files):
    gateway.hold_jobs()
    browser.choose(files.write("cancelled.png", support.picture(200, 100)))
    browser.wait_phase("cancelled.png", "running", "queued")
    browser.press_in("cancelled.png", "cancel")
    browser.wait_phase("cancelled.png", "cancelled")
    gateway.let_jobs_go()
    browser.press_in("cancelled.png", "try again")
    browser.wait_phase("cancelled.png", "done")
    check(sorted(job["state"] for job in gateway.jobs()) == ["cancelled", "done"], "the server's jobs after a cancel",
          gateway.jobs())


def cancel_an_upload(browser, large):
    browser.network(upload=300_000)
    browser.choose(large)
    browser.wait_phase("large.ppm", "uploading")
    browser.press_in("large.ppm", "cancel")
    browser.wait_phase("large.ppm", "cancelled")
    browser.network()
    browser.press_in("large.ppm", "remove")
    browser.wait(lambda: not browser.card("large.ppm"), "the removed card is gone")


def reload_in_upload(browser, large):
    """The page has kept the file, and goes on by itself."""
    browser.network(upload=1_500_000)
    browser.choose(large)
    browser.wait_phase("large.ppm", "uploading")
    browser.wait(lambda: browser.sent("large.ppm") > 0, "some of it is sent")
    browser.wait(lambda: browser.driver.execute_async_script(FILES_KEPT) > 0, "the browser has kept it")
    browser.driver.refresh()
    browser.network()
    browser.wait_phase("large.ppm", "done")


def reload_and_restart_in_job(gateway, browser, files):
    gateway.hold_jobs()
    browser.choose(files.write("job.png", support.picture(300, 200, seed=2)))
    browser.wait_phase("job.png", "running", "queued")
    browser.wait(lambda: any(job["state"] == "running" for job in gateway.jobs()), "the job runs")
    browser.driver.refresh()
    browser.wait_phase("job.png", "running", "queued")
    gateway.kill_and_restart()
    gateway.let_jobs_go()
    browser.wait_phase("job.png", "done")


def offline_and_back(browser, large):
    browser.press_in("large.ppm", "remove")
    browser.wait(lambda: not browser.card("large.ppm"), "the removed card is gone")
    browser.network(upload=1_500_000)
    browser.choose(large)
    browser.wait_phase("large.ppm", "uploading")
    browser.wait(lambda: browser.sent("large.ppm") > 0, "some of it is sent")
    browser.network(offline=True)
    browser.wait_phase("large.ppm", "paused")
    browser.network()
    browser.wait_phase("large.ppm", "done")


def main():
    with (Files() as files, Gateway("--launcher", "mpirun") as gateway,
          Browser(gateway.url, expected=NETWORK) as browser):
        large = files.write("large.ppm", support.noise_ppm(2400, 1800))
        cancel_and_retry(gateway, browser, files)
        cancel_an_upload(browser, large)
        reload_in_upload(browser, large)
        reload_and_restart_in_job(gateway, browser, files)
        offline_and_back(browser, large)
    return support.finish()


sys.exit(main())
