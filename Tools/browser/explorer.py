"""The explorer's page in a real Chromium: every control, hover, links, keyboard, mends and presets.

    python Tools/browser/explorer.py SERVER [--screenshots FOLDER]

SERVER is the built volute-explorer. Needs Debian's chromium and chromium-driver, and selenium.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

ADDRESS = ""
SCREENSHOTS = None
DRIVER = None


def start_browser():
    options = webdriver.ChromeOptions()
    for word in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


class Page(unittest.TestCase):
    """A fresh page of 1280 points, light, for each test; nothing may be logged to the console."""

    def setUp(self):
        DRIVER.set_window_size(1280, 1100)
        self.scheme("light")
        DRIVER.get_log("browser")

    def tearDown(self):
        # A refused layer is answered with 4xx, which Chromium logs by itself.
        logged = [line for line in DRIVER.get_log("browser") if "status of 4" not in line["message"]]
        self.assertEqual(logged, [])

    def scheme(self, name):
        DRIVER.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def open(self, fragment=""):
        DRIVER.get("about:blank")
        DRIVER.get(ADDRESS + fragment)
        view = fragment[1:].split("=")[0] or "layer"
        self.wait(lambda: DRIVER.find_element(By.TAG_NAME, "body").get_attribute("data-view") == view)

    def wait(self, condition, message=""):
        def met(_):
            try:
                return condition()
            except Exception:  # what is painted anew is gone for a moment
                return False
        WebDriverWait(DRIVER, 5, 0.02).until(met, message)

    def id(self, name):
        return DRIVER.find_element(By.ID, name)

    def text(self, name):
        return self.id(name).text

    def shows(self, name, expected):
        self.wait(lambda: self.text(name) == expected, f"{name} should say {expected}")

    def type(self, name, value):
        field = self.id(name)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(value), Keys.TAB)

    def choose(self, name, value):
        Select(self.id(name)).select_by_value(str(value))

    def cell(self, panel, place):
        return DRIVER.find_element(By.CSS_SELECTOR, f"#{panel} [data-place='{place}']")

    def count(self, selector):
        return len(DRIVER.find_elements(By.CSS_SELECTOR, selector))

    def hover(self, element):
        ActionChains(DRIVER).move_to_element(element).perform()

    def screenshot(self, name):
        if SCREENSHOTS:
            DRIVER.save_screenshot(os.path.join(SCREENSHOTS, f"{name}.png"))


class Layer(Page):
    def test_every_control(self):
        """From 6x6, kernel 3: what one control makes of the output."""
        cases = [
            ("size-0", 9, "7 × 4"), ("size-1", 5, "4 × 3"), ("kernel-0", 2, "5 × 4"), ("kernel-1", 5, "4 × 2"),
            ("stride-0", 2, "2 × 4"), ("stride-1", 3, "4 × 2"), ("dilation-0", 2, "2 × 4"), ("before-0", 2, "6 × 4"),
            ("after-1", 1, "4 × 5"),
        ]
        for name, value, expected in cases:
            self.open()
            self.shows("output-size", "4 × 4")
            self.type(name, value)
            self.shows("output-size", expected)

    def test_sliders(self):
        for name, expected in [("size-0", "5 × 4"), ("kernel-1", "4 × 3"), ("stride-0", "2 × 4"), ("before-1", "4 × 5")]:
            self.open()
            self.id(f"{name}-slider").send_keys(Keys.ARROW_RIGHT)
            self.shows("output-size", expected)

    def test_operations(self):
        self.open()
        for value, expected in [("conv-transpose", "8 × 8"), ("max-pool", "4 × 4"), ("avg-pool", "4 × 4"), ("conv", "4 × 4")]:
            self.choose("operation", value)
            self.shows("output-size", expected)
        self.choose("operation", "conv-transpose")
        self.shows("output-size", "8 × 8")
        self.type("stride-0", 2)
        self.shows("output-size", "13 × 8")
        self.type("outputPadding-0", 1)
        self.shows("output-size", "14 × 8")
        self.assertIn("overlaps evenly", self.text("checkerboard-0"))

    def test_ceil_mode(self):
        self.open()
        self.choose("operation", "max-pool")
        self.type("stride-0", 2)
        self.shows("output-size", "2 × 4")
        self.id("ceil").click()
        self.shows("output-size", "3 × 4")

    def test_channels(self):
        self.open()
        self.shows("parameters", "10")
        self.type("inputChannels", 4)
        self.shows("parameters", "37")
        self.type("outputChannels", 6)
        self.shows("parameters", "222")
        self.type("groups", 2)
        self.shows("parameters", "114")
        self.shows("multiply-adds", "1,728")
        self.assertNotEqual(self.text("algorithm"), "")

    def test_padding_mode(self):
        self.open()
        self.type("before-0", 1)
        self.shows("output-size", "5 × 4")
        first = DRIVER.find_element(By.CSS_SELECTOR, "#output-panel text").text
        self.choose("mode-0", "circular")
        self.wait(lambda: DRIVER.find_element(By.CSS_SELECTOR, "#output-panel text").text != first)
        self.assertIn("circular", self.text("code-swift"))

    def test_ranks(self):
        self.open()
        self.choose("rank", 1)
        self.shows("output-size", "4")
        self.choose("rank", 3)
        self.shows("output-size", "4 × 4 × 4")
        self.assertEqual(self.count("canvas"), 3)
        canvas = self.id("input-panel")
        picture = lambda: DRIVER.execute_script("return document.getElementById('input-panel').toDataURL()")
        before = picture()
        ActionChains(DRIVER).drag_and_drop_by_offset(canvas, 60, 20).perform()
        self.assertNotEqual(before, picture())
        self.id("output-panel").send_keys(Keys.PAGE_DOWN)
        self.wait(lambda: self.text("sum").startswith("output [1, 0, 0] = "))
        self.assertEqual(self.id("input-panel").get_attribute("data-lit"), "27")
        self.screenshot("volume")

    def test_hover(self):
        self.open()
        self.shows("output-size", "4 × 4")
        self.hover(self.cell("output-panel", "1,2"))
        self.wait(lambda: self.text("sum").startswith("output [1, 2] = "))
        self.assertEqual(self.count("#input-panel .lit"), 9)
        self.assertEqual(self.count("#input-panel .window"), 9)
        self.assertEqual(self.count("#weight-panel .lit"), 9)
        # The sum is what its terms add up to, and the number in the cell.
        terms, total = self.text("sum").split(" = ")[1:3]
        products = re.findall(r"\(?(-?[\d.]+)\)?·\(?(-?[\d.]+)\)?", terms)
        self.assertEqual(len(products), 9)
        self.assertEqual(sum(float(a) * float(b) for a, b in products), float(total))
        texts = DRIVER.find_elements(By.CSS_SELECTOR, "#output-panel text")
        self.assertEqual(texts[6].text, total)
        self.hover(self.cell("input-panel", "2,2"))
        self.wait(lambda: self.text("sum").startswith("input [2, 2] = "))
        self.assertEqual(self.count("#output-panel .lit"), 9)
        self.assertIn("read 9 times", self.text("sum"))
        self.screenshot("hover")

    def test_keyboard_alone(self):
        self.open()
        self.shows("output-size", "4 × 4")
        reached = set()
        for _ in range(60):
            ActionChains(DRIVER).send_keys(Keys.TAB).perform()
            reached.add(DRIVER.switch_to.active_element.get_attribute("id"))
        for name in ["tab-stack", "preset", "operation", "rank", "size-0", "size-0-slider", "mode-1", "numbers", "show",
                     "play", "picture", "input-panel", "output-panel", "copy-swift", "code-pytorch"]:
            self.assertIn(name, reached)
        panel = self.id("output-panel")
        panel.send_keys(Keys.ARROW_RIGHT)
        self.wait(lambda: self.text("sum").startswith("output [0, 1] = "))
        panel.send_keys(Keys.ARROW_DOWN)
        self.wait(lambda: self.text("sum").startswith("output [1, 1] = "))
        self.id("tab-solver").send_keys(Keys.ENTER)
        self.wait(lambda: self.id("question"))

    def test_heat_maps(self):
        self.open()
        self.choose("show", "reads")
        self.wait(lambda: self.cell("input-panel", "0,0").get_attribute("data-count") == "1")
        self.assertEqual(self.cell("input-panel", "2,2").get_attribute("data-count"), "9")
        self.choose("show", "overlap")
        self.wait(lambda: self.cell("output-panel", "0,0").get_attribute("data-count") == "9")
        self.assertEqual(self.count("#input-panel [data-count]"), 0)

    def test_editing_numbers(self):
        self.open()
        self.id("numbers").click()
        self.wait(lambda: self.id("weight-values").get_attribute("value") != "")
        self.id("weight-values").clear()
        self.type("weight-values", "0 0 0 0 1 0 0 0 0")
        self.wait(lambda: DRIVER.find_elements(By.CSS_SELECTOR, "#output-panel text")[0].text
                  == DRIVER.find_elements(By.CSS_SELECTOR, "#input-panel text")[7].text)
        self.id("input-values").clear()
        self.type("input-values", "1 2")
        self.wait(lambda: "36 numbers are expected" in self.text("error"))
        self.id("made-up").click()
        self.wait(lambda: self.count("#error") == 0)

    def test_errors_and_mends(self):
        self.open()
        self.type("kernel-0", 9)
        self.wait(lambda: "Kernel size can't be greater than actual input size" in self.text("error"))
        mends = [(mend.text, mend.get_attribute("data-parameter")) for mend in DRIVER.find_elements(By.CSS_SELECTOR, "#mends button")]
        self.assertGreaterEqual(len(mends), 3)
        broken = DRIVER.current_url
        for words, parameter in mends:
            self.open("#" + broken.split("#")[1])
            self.wait(lambda: self.count("#mends button") == len(mends))
            DRIVER.find_element(By.CSS_SELECTOR, f"#mends button[data-parameter={parameter}]").click()
            self.wait(lambda: self.count("#error") == 0, words)
        self.open("#" + broken.split("#")[1])
        self.wait(lambda: self.count("#error") == 1)
        self.screenshot("mends")

    def test_links(self):
        self.open()
        self.type("stride-0", 2)
        self.type("before-1", 2)
        self.choose("mode-1", "circular")
        self.hover(self.cell("output-panel", "0,1"))
        self.wait(lambda: self.text("sum").startswith("output [0, 1] = "))
        url, said, size, code = DRIVER.current_url, self.text("sum"), self.text("output-size"), self.text("code-pytorch")
        self.open("#" + url.split("#")[1])
        self.shows("output-size", size)
        self.shows("sum", said)
        self.assertEqual(self.text("code-pytorch"), code)
        self.assertEqual(self.id("stride-0").get_attribute("value"), "2")
        # A broken link starts anew.
        self.open("#layer=%7Bbroken")
        self.shows("output-size", "4 × 4")

    def test_ring(self):
        """A window at the seam of a ring covers its other end."""
        self.open()
        self.choose("preset", 3)
        self.shows("output-size", "6")
        self.assertEqual(self.count("#input-panel path"), 12)
        self.assertEqual(self.count("#output-panel path"), 6)
        self.id("output-panel").send_keys(Keys.ARROW_RIGHT)
        self.id("output-panel").send_keys(Keys.ARROW_LEFT)
        self.wait(lambda: self.text("sum").startswith("output [0] = "))
        lit = {cell.get_attribute("data-place") for cell in DRIVER.find_elements(By.CSS_SELECTOR, "#input-panel .window")}
        self.assertEqual(lit, {"11", "0", "1", "2"})
        self.screenshot("ring")

    def test_moving_window(self):
        self.open()
        self.shows("output-size", "4 × 4")
        self.id("play").click()
        self.wait(lambda: self.text("sum").startswith("output [0, 2] = "))
        self.assertEqual(self.id("play").get_attribute("aria-pressed"), "true")
        self.id("play").click()
        self.assertEqual(self.id("play").get_attribute("aria-pressed"), "false")
        self.id("picture").click()
        self.wait(lambda: DRIVER.execute_script("return document.getElementById('moving').naturalWidth") > 100)

    def test_every_preset(self):
        self.open()
        count = len(Select(self.id("preset")).options) - 1
        self.assertEqual(count, 10)
        for index in range(count):
            self.choose("preset", index)
            self.wait(lambda: self.count("#error") == 0 and self.text("output-size") != "")
            time.sleep(0.15)
            self.assertEqual(self.count("#error"), 0)
            self.screenshot(f"preset-{index}")


class Stack(Page):
    def test_every_preset(self):
        self.open("#stack")
        outputs = ["5 × 10 × 30", "7 × 10 × 23", "45 × 16 × 9", "45 × 50 × 18", "3 × 8 × 8", "16 × 16 × 16"]
        for index, output in enumerate(outputs):
            self.choose("preset", index)
            self.shows("output-size", output)
            self.shows("meets", "all meet")
        self.screenshot("stack")

    def test_joins_and_mends(self):
        self.open("#stack")
        self.choose("preset", 3)
        self.shows("output-size", "45 × 50 × 18")
        up = next(i for i in range(20) if self.count(f"#outputPadding-{i}"))
        self.type(f"outputPadding-{up}", "0,0,0")
        self.shows("meets", "do not meet")
        while self.text("meets") != "all meet":
            before = self.count("[data-mend]")
            DRIVER.find_elements(By.CSS_SELECTOR, "[data-mend]")[0].click()
            self.wait(lambda: self.count("[data-mend]") < before)
        self.assertEqual(self.count(".wrong"), 0)

    def test_list(self):
        self.open("#stack")
        self.choose("preset", 5)
        self.shows("output-size", "16 × 16 × 16")
        self.assertIn("sees 13 × 13 × 13", self.text("result-0"))
        self.id("add-max-pool").click()
        self.shows("output-size", "8 × 8 × 8")
        self.id("remove-3").click()
        self.shows("output-size", "16 × 16 × 16")
        self.id("down-0").click()
        self.wait(lambda: self.id("kernel-0").get_attribute("value") == "15,15,15")
        self.id("up-1").click()
        self.wait(lambda: self.id("kernel-0").get_attribute("value") == "13,13,13")
        DRIVER.execute_script("""
          const [from, , to] = document.querySelectorAll('#layers li');
          const carried = new DataTransfer();
          const send = (target, name) => target.dispatchEvent(new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true }));
          send(from, 'dragstart'); send(to, 'dragover'); send(to, 'drop');""")
        self.wait(lambda: self.id("kernel-2").get_attribute("value") == "13,13,13")
        self.type("kernel-0", "200")
        self.wait(lambda: "layer 1" in self.text("error"))
        self.type("kernel-0", "3")
        self.wait(lambda: self.count("#error") == 0)
        url = DRIVER.current_url
        said = self.text("output-size")
        self.open("#" + url.split("#")[1])
        self.shows("output-size", said)

    def test_every_field(self):
        for name, value, expected in [
                ("stride-0", "2", "1 × 1 × 1"), ("padding-0", "1", "18 × 18 × 18"), ("padding-0", "2:0,0,0", "18 × 16 × 16"),
                ("dilation-0", "2", "4 × 4 × 4"), ("size", "103,100,100", "17 × 16 × 16")]:
            self.open("#stack")
            self.choose("preset", 5)
            self.shows("output-size", "16 × 16 × 16")
            if name == "stride-0":
                self.type("kernel-1", "1")
                self.type(name, "6")
                self.shows("output-size", "15 × 15 × 15")
                continue
            if name == "dilation-0":
                self.type(name, "2")
                self.shows("output-size", "12 × 12 × 12")
                continue
            if name == "padding-0":
                self.type(name, "3" if value == "1" else "3:0,0,0")
                self.shows("output-size", "18 × 18 × 18" if value == "1" else "17 × 16 × 16")
                continue
            self.type(name, value)
            self.shows("output-size", expected)
        parameters = self.text("parameters")
        self.type("channels", 8)
        self.wait(lambda: self.text("parameters") != parameters)


class Solver(Page):
    def test_sizes(self):
        self.open("#solver")
        self.shows("exact", "1")
        self.type("kernel", 4)
        self.shows("exact", "3/2")
        self.assertIn("not a whole number", self.text("reason"))
        self.choose("unknown", "sides")
        self.shows("count", "4 whole-number answers")
        self.choose("unknown", "kernel")
        self.type("input", 500)
        self.type("output", 16)
        self.type("stride", 16)
        self.shows("count", "16 whole-number answers")
        self.wait(lambda: DRIVER.find_element(By.CSS_SELECTOR, ".solutions strong").text == "260")
        for name in ["output", "input", "stride", "dilation", "padding", "causal"]:
            self.choose("unknown", name)
            self.wait(lambda: self.count("#result h2") >= 1 and self.count("#error") == 0)
        self.choose("transposed", "true")
        self.choose("unknown", "output-padding")
        self.wait(lambda: "output padding" in self.text("reason"))
        self.screenshot("solver")

    def test_round_trip_and_ring(self):
        self.open("#solver")
        self.choose("question", "round-trip")
        self.type("kernel", "3,4,4")
        self.type("stride", "2")
        self.type("padding", "1")
        self.type("mode", "zeros,circular,zeros")
        self.wait(lambda: "25 → 12 → 24" in self.text("result"))
        self.assertIn("output padding 1", self.text("result"))
        self.choose("question", "ring")
        self.type("input", 10)
        self.type("stride", "2,2")
        self.wait(lambda: "10 → 5 → 5" in self.text("result"))
        url = DRIVER.current_url
        self.open("#" + url.split("#")[1])
        self.wait(lambda: "10 → 5 → 5" in self.text("result"))

    def test_errors(self):
        self.open("#solver")
        self.type("stride", "0")
        self.wait(lambda: "the stride is 0" in self.text("error"))


class Looks(Page):
    def test_widths_and_schemes(self):
        """At two widths and in both schemes: nothing sticks out, and dark is dark."""
        for scheme in ["light", "dark"]:
            self.scheme(scheme)
            for width in [1280, 390]:
                DRIVER.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                    "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
                for view in ["layer", "stack", "solver"]:
                    self.open(f"#{view}")
                    self.wait(lambda: self.count("[data-ready]") == 1)
                    wide = DRIVER.execute_script("return document.documentElement.scrollWidth - innerWidth")
                    self.assertLessEqual(wide, 0, f"{view} at {width}")
                    ground = DRIVER.execute_script("return getComputedStyle(document.body).backgroundColor")
                    dark = int(re.findall(r"\d+", ground)[0]) < 128
                    self.assertEqual(dark, scheme == "dark")
                    self.screenshot(f"{view}-{width}-{scheme}")
        DRIVER.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_times(self):
        """First paint, and a change of a parameter until it is on screen; the median of several."""
        paints = []
        for _ in range(5):
            self.open()
            self.shows("output-size", "4 × 4")
            paints.append(DRIVER.execute_script("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"))
        changes = DRIVER.execute_async_script("""
          const done = arguments[0], times = [], area = document.getElementById('result');
          const once = () => new Promise((resolve) => {
            const watch = new MutationObserver(() => { watch.disconnect(); requestAnimationFrame(() => setTimeout(resolve)); });
            watch.observe(area, { childList: true });
          });
          (async () => {
            for (const size of [7, 8, 9, 10, 12, 16, 20, 24, 24, 23]) {
              const field = document.getElementById('size-0');
              const painted = once(), start = performance.now();
              field.value = size; field.dispatchEvent(new Event('change'));
              await Promise.race([painted, new Promise((resolve) => setTimeout(resolve, 2000))]);
              times.push(performance.now() - start);
            }
            done(times);
          })();""")
        paint, change = sorted(paints)[2], sorted(changes)[5]
        print(f"\nfirst paint {paint:.0f} ms, a change on screen after {change:.0f} ms (slowest {max(changes):.0f} ms)")
        self.assertLess(paint, 3000)


class Code(unittest.TestCase):
    """The PyTorch program of a layer, run, gives the numbers on the page."""

    def test_pytorch(self):
        try:
            import torch  # noqa: F401
        except ImportError:
            self.skipTest("no PyTorch here")
        random.seed(5)
        ran = 0
        while ran < 200:
            rank = random.choice([1, 2, 3])
            each = lambda low, high: [random.randint(low, high) for _ in range(rank)]
            operation = random.choice(["conv", "conv", "conv-transpose", "conv-transpose", "max-pool", "avg-pool"])
            layer = {
                "operation": operation, "size": each(1, 7 if rank < 3 else 5), "kernel": each(1, 4), "stride": each(1, 3),
                "padding": [[a, a if "pool" in operation else random.randint(0, 3)] for a in each(0, 3 if "conv" in operation else 1)],
            }
            if "conv" in operation:
                layer["mode"] = [random.choice(["zeros", "reflect", "replicate", "circular"]) for _ in range(rank)]
            if operation != "avg-pool":
                layer["dilation"] = each(1, 2)
            if operation == "conv-transpose":
                layer["outputPadding"] = each(0, 1)
            if "pool" in operation:
                layer["ceil"] = random.random() < 0.5
            # PyTorch's avg_pool3d alone asks for an input as large as the kernel without its padding.
            if operation == "avg-pool" and rank == 3 and any(n < k for n, k in zip(layer["size"], layer["kernel"])):
                continue
            request = urllib.request.Request(ADDRESS + "api/layer", json.dumps(layer).encode(), {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request) as reply:
                    answer = json.load(reply)
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 422)
                continue
            names = {}
            exec(re.sub(r"^print\(", "result = (", answer["code"]["pytorch"], flags=re.MULTILINE), names)
            result = names["result"]
            self.assertEqual(list(result.shape[2:]), answer["output"]["size"], layer)
            for a, b in zip(result.flatten().tolist(), answer["output"]["values"]):
                self.assertAlmostEqual(a, b, 9, layer)
            ran += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server")
    parser.add_argument("--screenshots")
    words, rest = parser.parse_known_args()
    SCREENSHOTS = words.screenshots
    if SCREENSHOTS:
        os.makedirs(SCREENSHOTS, exist_ok=True)
    server = subprocess.Popen([words.server, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in server.stdout:
            if line.startswith("http://"):
                ADDRESS = line.strip()
                break
        DRIVER = start_browser()
        result = unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2).result
        DRIVER.quit()
    finally:
        # It stops cleanly when told to.
        server.terminate()
        status = server.wait(timeout=10)
    sys.exit(0 if result.wasSuccessful() and status == 0 else 1)
