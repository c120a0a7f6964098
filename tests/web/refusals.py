#!/usr/bin/env python3
"""What cannot be done is said in words that help: a broken picture, a file that is none, one that is too large, a full
server, a server that wants a token."""
import sys

import support
from support import Browser, Files, Gateway, check

REFUSED = ("status of 401", "status of 413", "status of 415", "status of 422", "status of 507")


def says(browser, name, *words):
    text = browser.card(name).text.lower()
    check(all(word in text for word in words), f"the card of {name} says {words}", text)
    check(not any(word in text for word in ("undefined", "null", "nan", "[object")), f"the card of {name} is of words",
          text)


def files_that_are_none(browser, gateway, files):
    data = support.picture(400, 300)
    browser.choose(files.write("broken.png", data[:len(data) // 2]), files.write("notes.txt", b"Not a picture.\n"),
                   files.write("text.png", b"Nor is this.\n"), files.write("empty.png", b""),
                   files.write("good.png", support.picture(40, 30)))
    browser.wait_phase("good.png", "done")
    browser.wait_phase("broken.png", "failed")
    says(browser, "broken.png", "damaged")
    for name in ("notes.txt", "text.png", "empty.png"):
        browser.wait_phase(name, "refused")
        says(browser, name)
    states = sorted(job["state"] for job in gateway.jobs())
    check(states == ["done", "failed"], "what is no picture is never sent", states)


def too_large(files, browser):
    with Gateway("--max-body", "64KiB") as gateway:
        browser.look_at(gateway)
        browser.choose(files.write("big.ppm", support.noise_ppm(200, 200)))
        browser.wait_phase("big.ppm", "refused")
        says(browser, "big.ppm", "large")
        check(not gateway.jobs(), "a file that is too large is never sent", gateway.jobs())


def server_full(files, browser):
    with Gateway("--quota", "64KiB") as gateway:
        browser.look_at(gateway)
        browser.choose(files.write("full.ppm", support.noise_ppm(200, 201)))
        browser.wait_phase("full.ppm", "failed", "refused", "paused")
        browser.wait(lambda: "space" in browser.card("full.ppm").text.lower(), "the card says that there is no space")
        says(browser, "full.ppm", "space")


def token_needed(files, browser):
    token, line = support.new_token("clinic")
    with Gateway(config=line + "\n") as gateway:
        browser.look_at(gateway)
        field = browser.wait_for("input[type=password]", "a field for the token")
        field.send_keys(token[:-1] + ("x" if token[-1] != "x" else "y"), support.Keys.ENTER)
        browser.wait(lambda: any(one.text.strip() for one in browser.all("[role=alert]")), "a wrong token is told")
        field = browser.wait_for("input[type=password]")
        field.clear()
        field.send_keys(token, support.Keys.ENTER)
        browser.wait(lambda: not any(one.is_displayed() for one in browser.all("input[type=password]")),
                     "a right token lets in")
        browser.choose(files.write("inside.png", support.picture(50, 40)))
        browser.wait_phase("inside.png", "done")
        browser.driver.refresh()
        browser.wait_phase("inside.png", "done")
        check(not browser.js("return JSON.stringify({...localStorage, ...sessionStorage})").count(token),
              "the token is not kept by the page")


def main():
    with Files() as files, Gateway() as gateway, Browser(gateway.url, expected=REFUSED) as browser:
        files_that_are_none(browser, gateway, files)
        too_large(files, browser)
        server_full(files, browser)
        token_needed(files, browser)
    return support.finish()


sys.exit(main())
