#!/usr/bin/env python3
"""For everyone: each control has a name, headings and landmarks are in order, contrast meets WCAG 2.2 AA in dark and in
light, targets are large enough, and at phone width nothing is cut off."""
import os
import sys

import support
from support import Browser, Files, Gateway, check

CONTROLS = {"button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "listbox", "slider",
            "spinbutton", "switch", "tab", "menuitem", "option", "progressbar", "image", "img", "dialog", "tabpanel"}

with open(os.path.join(support.HERE, "audit.js"), encoding="utf-8") as _file:
    AUDIT = _file.read()


def tree(browser, where):
    browser.cdp("Accessibility.enable")
    nodes = [node for node in browser.cdp("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    roles = [node["role"]["value"] for node in nodes]
    nameless = [f"{node['role']['value']} {node.get('backendDOMNodeId')}" for node in nodes
                if node["role"]["value"] in CONTROLS and not node.get("name", {}).get("value", "").strip()]
    described = [browser.cdp("DOM.describeNode", backendNodeId=int(one.split()[1]))["node"] for one in nameless]
    check(not nameless, f"{where}: every control has a name",
          [(one.split()[0], node["localName"], node.get("attributes")) for one, node in zip(nameless, described)][:8])
    for role in ("main", "banner"):
        check(roles.count(role) == 1, f"{where}: one landmark {role}", roles.count(role))
    ones = [node for node in nodes if node["role"]["value"] == "heading"
            and any(p["name"] == "level" and p["value"]["value"] == 1 for p in node.get("properties", []))]
    check(len(ones) == 1, f"{where}: one heading of the first level", [node.get("name") for node in ones])


def audit(browser, where):
    tree(browser, where)
    for scheme in ("dark", "light"):
        browser.scheme(scheme, motion="reduce")
        for width in (1280, 360):
            browser.size(width, 900)
            browser.settle()
            faults = browser.js(AUDIT)
            check(not faults, f"{where}, {scheme}, {width} pixels wide", "\n".join(faults[:12]))
    browser.size(1280, 900)
    browser.scheme("dark", motion="reduce")


def main():
    with Files() as files, Gateway("--launcher", "mpirun") as gateway, Browser(gateway.url) as browser:
        check(browser.js("return document.documentElement.lang") == "en", "the page says its language")
        audit(browser, "empty")
        data = support.picture(300, 200)
        gateway.hold_jobs()
        browser.choose(files.write("runs.png", support.picture(640, 480)))
        browser.wait_phase("runs.png", "running", "queued")
        browser.choose(files.write("notes.txt", b"Not a picture.\n"))
        browser.wait_phase("notes.txt", "refused")
        audit(browser, "cards at work")
        gateway.let_jobs_go()
        browser.wait_phase("runs.png", "done")
        browser.choose(files.write("broken.png", data[:len(data) // 2]))
        browser.wait_phase("broken.png", "failed")
        audit(browser, "cards that ended")
        browser.open_result("runs.png")
        browser.wait_drawn("the picture is drawn")
        audit(browser, "result")
        browser.show_performance()
        audit(browser, "performance")
        browser.show_history()
        audit(browser, "history")
    return support.finish()


sys.exit(main())
