// Three axes as cubes that turn under the mouse.

import { make, text } from "./dom.js";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Volume {
  constructor({ id, kind, size, values, label, over, chosen }) {
    Object.assign(this, { kind, size, values, over });
    this.turn = [-0.55, 0.6];
    this.lit = new Set();
    this.canvas = make("canvas", { id, width: 380, height: 340, tabindex: "0", role: "img", "aria-label": label });
    this.svg = this.canvas;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.grip = [event.clientX, event.clientY, ...this.turn];
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.grip) {
        const [x, y, a, b] = this.grip;
        this.turn = [a + (event.clientX - x) / 120, b + (event.clientY - y) / 120];
        this.paint();
      } else if (over) {
        const place = this.pick(event);
        if (place && place.join() !== this.last) { this.last = place.join(); over(place); }
      }
    });
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => { this.grip = null; });
    if (chosen) this.canvas.addEventListener("keydown", (event) => {
      const steps = {
        ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
        PageUp: [-1, 0, 0], PageDown: [1, 0, 0],
      }[event.key];
      if (!steps) return;
      event.preventDefault();
      const from = this.here ?? [0, 0, 0];
      chosen(from.map((at, axis) => Math.min(Math.max(at + steps[axis], 0), size[axis] - 1)));
    });
    const finite = values.filter((value) => value !== null);
    [this.least, this.most] = [Math.min(...finite), Math.max(...finite)];
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    this.paint();
  }

  // Where an element comes to lie: x, y and the distance.
  project([z, y, x]) {
    const [depth, height, width] = this.size;
    const scale = 230 / Math.max(depth, height, width, 2);
    const at = [x - (width - 1) / 2, y - (height - 1) / 2, z - (depth - 1) / 2];
    const [a, b] = this.turn;
    const side = at[0] * Math.cos(a) + at[2] * Math.sin(a);
    const far = at[2] * Math.cos(a) - at[0] * Math.sin(a);
    const down = at[1] * Math.cos(b) - far * Math.sin(b);
    const away = far * Math.cos(b) + at[1] * Math.sin(b);
    const factor = scale * 700 / (700 + away * scale);
    return [190 + side * factor, 170 + down * factor, away, factor];
  }

  * places() {
    for (let z = 0; z < this.size[0]; z++) for (let y = 0; y < this.size[1]; y++) for (let x = 0; x < this.size[2]; x++) yield [z, y, x];
  }

  paint() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, 380, 340);
    const ordered = [...this.places()].map((place, index) => [this.project(place), place, index])
      .sort((a, b) => b[0][2] - a[0][2]);
    const [base, mark, edge, ink] = ["--accent", "--mark", "--edge", "--ink"].map(color);
    for (const [[x, y, , factor], place, index] of ordered) {
      const key = place.join();
      const isLit = this.lit.has(key);
      const isHere = this.here?.join() === key;
      const count = this.counts?.[index];
      const value = count === undefined ? this.values[index] : count;
      const [least, most] = this.counts ? [0, Math.max(...this.counts, 1)] : [this.least, this.most];
      const r = factor * (isLit || isHere ? 0.42 : 0.3);
      pen.globalAlpha = isLit || isHere ? 0.95 : 0.15 + 0.55 * (value - least) / (most - least || 1);
      pen.fillStyle = isLit ? mark : base;
      pen.fillRect(x - r, y - r, 2 * r, 2 * r);
      if (isHere) {
        pen.globalAlpha = 1;
        pen.strokeStyle = edge;
        pen.lineWidth = 3;
        pen.strokeRect(x - r, y - r, 2 * r, 2 * r);
      }
      if (factor > 26) {
        pen.globalAlpha = 1;
        pen.fillStyle = ink;
        pen.textAlign = "center";
        pen.fillText(text(value), x, y + 4);
      }
    }
    pen.globalAlpha = 1;
  }

  pick(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) * 380 / box.width, (event.clientY - box.top) * 340 / box.height];
    let best = null;
    for (const place of this.places()) {
      const [a, b, away, factor] = this.project(place);
      if (Math.hypot(a - x, b - y) < factor * 0.42 && (!best || away < best[0])) best = [away, place];
    }
    return best?.[1];
  }

  clear() { this.lit.clear(); this.here = null; this.canvas.dataset.lit = 0; this.paint(); }
  light(places) { for (const place of places) this.lit.add(place.join()); this.canvas.dataset.lit = this.lit.size; this.paint(); }
  point(place) { this.here = place; this.paint(); }
  window() { /* the elements that are lit show it */ }
  heat(counts, isFromLeast) { this.counts = isFromLeast ? null : counts; this.paint(); }
}
