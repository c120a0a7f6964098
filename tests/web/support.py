"""What the tests of the page share: a gateway with the page, a browser that looks at it, pictures, and waiting."""
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time

try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    print("selenium for Python is not installed: skipped")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = os.path.join(HERE, os.pardir, os.pardir, "web")

# The gateway's tests have a module of the same name.
_spec = importlib.util.spec_from_file_location("gateway_support",
                                               os.path.join(HERE, os.pardir, "gateway", "support.py"))
gateway_support = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(gateway_support)
check, finish, new_token, convert = (gateway_support.check, gateway_support.finish, gateway_support.new_token,
                                     gateway_support.convert)

DRIVER, CHROMIUM = shutil.which("chromedriver"), shutil.which("chromium")
if not DRIVER or not CHROMIUM:
    print("chromium and its driver are not installed: skipped")
    sys.exit(77)

CARD = "[data-phase]"
PATIENCE = 60  # seconds: two busy cores are no reason to fail


class Gateway(gateway_support.Gateway):
    """A gateway that serves the page of this source."""

    def __init__(self, *options, **more):
        self.held = os.path.join(tempfile.mkdtemp(prefix="rgb2gray-web-hold-"), "held")
        super().__init__("--web", WEB, "--quiet", *options, **more)

    def close(self):
        super().close()
        shutil.rmtree(os.path.dirname(self.held), ignore_errors=True)

    def hold_jobs(self):
        """From here on jobs start and then wait, so that a test can do things in the middle of one."""
        with open(self.held, "wb"):
            pass

    def let_jobs_go(self):
        if os.path.exists(self.held):
            os.unlink(self.held)

    def command(self):
        # The program behind a script that waits while there is a file of that name; previews do not wait.
        program = os.path.join(os.path.dirname(self.held), "rgb2gray")
        with open(program, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n[ \"$1\" = preview ] || while [ -e {self.held} ]; do sleep 0.1; done\n"
                       f"exec {gateway_support.PROGRAM} \"$@\"\n")
        os.chmod(program, 0o755)
        words = super().command()
        words[words.index("--program") + 1] = program
        return words

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def kill_and_restart(self):
        """Dies in mid-work, and starts again at the same port with the same spool. A gateway that was started at a port
        of its own choice takes that one from now on."""
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()
        if "--port" not in self.options:
            self.options += ["--port", str(self.port)]
        self.start()

    def jobs(self):
        return self.request("GET", "/api/v1/jobs?limit=200").json()["jobs"]


def wait_until(condition, what, seconds=PATIENCE, browser=None):
    """Until condition() is true; its value, or a failed check. Elements that the page redraws meanwhile are looked for
    again."""
    until = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except StaleElementReferenceException:
            value = None
        if value:
            return value
        if time.monotonic() > until:
            check(False, f"{what}, within {seconds} s", browser.text()[-1500:] if browser else "")
            return None
        time.sleep(0.05)


class Browser:
    """Chromium without a window. As a context it is closed at the end, after a look at what it logged."""

    def __init__(self, url, width=1280, height=900, expected=()):
        self.url, self.homes, self.expected = url, [url], set(expected)
        self.folder = tempfile.mkdtemp(prefix="rgb2gray-web-test-")
        self.downloads = os.path.join(self.folder, "downloads")
        os.mkdir(self.downloads)
        options = Options()
        options.binary_location = CHROMIUM
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                     "--enable-precise-memory-info", "--lang=en-GB", f"--window-size={width},{height}",
                     f"--user-data-dir={os.path.join(self.folder, 'profile')}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        options.add_experimental_option("prefs", {"download.default_directory": self.downloads,
                                                  "download.prompt_for_download": False})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_script_timeout(PATIENCE)
        self.size(width, height)
        self.messages, self.requests = [], []

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.quiet()
            else:
                print(f"the page says: {self.text()[-2000:]}", flush=True)
        except WebDriverException as gone:
            print(f"the browser is gone: {gone}")
        finally:
            self.driver.quit()
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- looking ----

    def open(self, fragment=""):
        self.driver.get(self.url + fragment)

    def look_at(self, gateway):
        """Goes to another gateway's page."""
        self.url = gateway.url
        self.homes.append(self.url)
        self.open()

    def settle(self):
        """Until what was changed is drawn."""
        self.driver.execute_async_script("""
            const done = arguments[0];
            document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(done)));""")

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def text(self):
        return self.js("return document.body ? document.body.innerText : ''")

    def wait(self, condition, what, seconds=PATIENCE):
        return wait_until(condition, what, seconds, self)

    def wait_for(self, css, what=None, seconds=PATIENCE):
        """The first element of that kind that is to be seen."""
        return self.wait(lambda: next((one for one in self.all(css) if one.is_displayed()), None), what or css, seconds)

    def wait_for_text(self, words, seconds=PATIENCE):
        return self.wait(lambda: words.lower() in self.text().lower(), f'the words "{words}"', seconds)

    def named(self, css, words):
        """The visible elements whose name, as assistive technology has it, holds these words."""
        return [one for one in self.all(css) if one.is_displayed() and words.lower() in one.accessible_name.lower()]

    def press(self, *keys):
        """To whatever has the focus."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def watch_frames(self):
        """From here on the page's longest time without a frame is taken."""
        self.js("""
            window.longestGap = 0;
            let last = performance.now();
            (function look(now) {
              window.longestGap = Math.max(window.longestGap, now - last);
              last = now;
              requestAnimationFrame(look);
            })(last);""")

    def longest_gap(self):
        """In milliseconds."""
        return self.js("return window.longestGap")

    def asked(self, part):
        """Whether the page asked for something whose address holds `part`."""
        self.collect()
        return any(part in url for _, url in self.requests)

    # ---- the page's pictures ----

    def card(self, name):
        """The card of the newest picture of that name, or None."""
        cards = [card for card in self.all(CARD) if name in card.text]
        return cards[-1] if cards else None

    def phases(self):
        return self.js(f"return [...document.querySelectorAll('{CARD}')].map((card) => card.dataset.phase)")

    def phase(self, name):
        card = self.card(name)
        return card.get_attribute("data-phase") if card else ""

    def wait_phase(self, name, *phases, seconds=PATIENCE):
        return self.wait(lambda: (lambda phase: phase in phases and phase)(self.phase(name)),
                         f"{name} is {' or '.join(phases)}", seconds)

    def press_in(self, name, words):
        """The button of a card, by its name."""
        def button():
            card = self.card(name)
            found = [one for one in card.find_elements(By.CSS_SELECTOR, "button, a") if one.is_displayed()
                     and words.lower() in one.accessible_name.lower()] if card else []
            if found:
                found[0].click()
            return bool(found)
        return self.wait(button, f'a button "{words}" of {name}')

    def sent(self, name):
        """Per cent of a file that were sent, as its card says; 0 where it says none."""
        card = self.card(name)
        found = re.search(r"(\d+)\s*%", card.text) if card else None
        return int(found[1]) if found else 0

    def click(self, css, words):
        """What is to be seen of that kind with these words in its name."""
        def button():
            found = self.named(css, words)
            if found:
                found[0].click()
            return bool(found)
        return self.wait(button, f'something to press named "{words}"')

    def open_result(self, name):
        self.press_in(name, "open")

    def modes(self):
        """What chooses how the viewer compares."""
        return self.all(".viewer [role=radio]")

    def show_performance(self):
        self.click("button, a, [role=tab]", "performance")
        self.wait_for_text("speed")

    def show_history(self):
        self.click("button, a, [role=tab]", "history")
        self.wait_for(".history-table")

    def wait_drawn(self, what, seconds=PATIENCE):
        """Until a canvas holds more than one colour."""
        return self.wait(lambda: self.js("""
            return [...document.querySelectorAll("canvas")].some((canvas) => {
              if (!canvas.checkVisibility() || !canvas.width || !canvas.height) return false;
              const small = new OffscreenCanvas(32, 32).getContext("2d");
              small.drawImage(canvas, 0, 0, 32, 32);
              const pixels = new Uint32Array(small.getImageData(0, 0, 32, 32).data.buffer);
              return new Set(pixels).size > 8;
            });"""), what, seconds)

    # ---- surroundings ----

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 600)

    def scheme(self, scheme, motion="no-preference"):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                         {"name": "prefers-reduced-motion", "value": motion}])

    def network(self, offline=False, upload=-1):
        """Bytes a second that may be sent; -1: as many as go."""
        self.cdp("Network.enable")
        self.cdp("Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1,
                 uploadThroughput=upload)

    def screenshot(self, path):
        self.driver.save_screenshot(path)

    # ---- what it logged ----

    def collect(self):
        self.messages += self.driver.get_log("browser")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append((message["params"]["request"]["method"], message["params"]["request"]["url"]))

    def quiet(self):
        """Nothing was complained of but what the test provoked, and nothing was asked of another host. `expected` holds
        parts of the complaints that belong to the test, such as "status of 401"."""
        self.collect()
        loud = [message["message"] for message in self.messages if message["level"] in ("WARNING", "SEVERE")
                and not any(part in message["message"] for part in self.expected)]
        check(not loud, "the console is quiet", loud[:8])
        away = [url for _, url in self.requests if not url.startswith((*self.homes, "blob:", "data:", "chrome:"))]
        check(not away, "no request goes to another host", away[:8])

    # ---- files ----

    def choose(self, *paths):
        """Gives files to the page as its file dialogue would."""
        self.wait(lambda: self.all("input[type=file]"), "a place to choose files")
        self.one("input[type=file]").send_keys("\n".join(paths))

    def downloaded(self, name_part="", seconds=PATIENCE):
        """The bytes of the file that came."""
        def there():
            names = [name for name in os.listdir(self.downloads)
                     if name_part in name and not name.endswith((".crdownload", ".tmp"))
                     and not name.startswith(".")]
            return names and os.path.join(self.downloads, sorted(names)[-1])
        path = self.wait(there, f"the download of {name_part or 'a file'}", seconds)
        if not path:
            return b""
        with open(path, "rb") as file:
            return file.read()


# ---- pictures ----

def picture(width, height, kind="png", seed=1, mode="RGB"):
    """Smooth colours with some grain, as bytes of a file."""
    import numpy
    from PIL import Image
    rng = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [(x * 255 // max(width - 1, 1)), (y * 255 // max(height - 1, 1)), ((x + y) * 7 + seed * 40) % 256]
    samples = numpy.stack(planes, axis=2) + rng.integers(-6, 7, (height, width, 3))
    out = io.BytesIO()
    Image.fromarray(samples.clip(0, 255).astype(numpy.uint8)).convert(mode).save(out, kind)
    return out.getvalue()


def noise_ppm(width, height, seed=1):
    """A large file that is made at once: the same rows of noise over and over."""
    import numpy
    rows = numpy.random.default_rng(seed).integers(0, 256, (64, width, 3), dtype=numpy.uint8).tobytes()
    data = rows * (height // 64 + 1)
    return b"P6\n%d %d\n255\n" % (width, height) + data[:width * height * 3]


class Files:
    """A folder of files to choose from."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="rgb2gray-web-files-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path
