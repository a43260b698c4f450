// A line or a plane of elements, with the padding around it, as SVG.

import { draw, text } from "./dom.js";

const side = 36;

// kind: in, out or w. lines: for each axis the source under each position, -1 for zeros and -2 for nothing; without
// padding, the positions themselves. before: how many positions come before the first element.
export class Grid {
  constructor({ id, kind, size, values, lines, before, label, over, chosen }) {
    this.size = size;
    this.before = before ?? size.map(() => 0);
    this.cells = new Map();
    const rows = size.length > 1 ? lines?.[0] ?? range(size[0]) : [0];
    const columns = lines?.at(-1) ?? range(size.at(-1));
    const isLarge = rows.length * columns.length > 900;
    const step = isLarge ? 14 : rows.length * columns.length > 300 ? 22 : side;
    const width = columns.length * step + 4;
    const height = rows.length * step + 4;
    this.svg = draw("svg", {
      id, class: "grid", viewBox: `-2 -2 ${width} ${height}`, width, height, tabindex: chosen ? "0" : null,
      role: "img", "aria-label": label,
    });
    rows.forEach((row, y) => columns.forEach((column, x) => {
      const position = size.length > 1 ? [y, x] : [x];
      const isInside = position.every((at, axis) => at >= this.before[axis] && at < this.before[axis] + size[axis]);
      const reads = row >= 0 && column >= 0;
      const place = isInside ? position.map((at, axis) => at - this.before[axis]) : null;
      const cell = draw("rect", {
        class: `cell ${isInside ? kind : "pad"}`, x: x * step, y: y * step, width: step, height: step,
        "data-place": place?.join(","),
      });
      this.cells.set(position.join(","), cell);
      this.svg.append(cell);
      if (!isLarge && values && (reads || (row !== -2 && column !== -2))) {
        const index = size.length > 1 ? row * size[1] + column : column;
        const label = draw("text", {
          class: isInside ? "" : "faint", x: (x + 0.5) * step, y: (y + 0.5) * step + 4,
        }, reads ? text(values[index]) : "0");
        this.svg.append(label);
      }
      if (place && over) {
        cell.addEventListener("pointerenter", () => over(place));
        cell.addEventListener("click", () => over(place));
      }
    }));
    if (chosen) this.svg.addEventListener("keydown", (event) => this.move(event, chosen));
  }

  // Arrow keys walk from element to element.
  move(event, chosen) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!steps) return;
    event.preventDefault();
    const from = this.here ?? this.size.map(() => 0);
    const moved = this.size.length > 1 ? steps : [steps[0] + steps[1]];
    const place = from.map((at, axis) => Math.min(Math.max(at + moved[axis], 0), this.size[axis] - 1));
    chosen(place);
  }

  clear() {
    for (const cell of this.cells.values()) cell.classList.remove("lit", "here", "window");
  }

  at(place) { return this.cells.get(place.map((at, axis) => at + this.before[axis]).join(",")); }

  light(places) { for (const place of places) this.at(place)?.classList.add("lit"); }

  point(place) {
    this.here = place;
    this.at(place)?.classList.add("here");
  }

  // Positions along each axis, padding counted.
  window(positions) {
    const rows = positions.length > 1 ? positions[0] : [null];
    for (const y of rows) for (const x of positions.at(-1)) {
      this.cells.get(y === null ? `${x}` : `${y},${x}`)?.classList.add("window");
    }
  }

  // Numbers as shades, in row-major order, from the least or from 0; null takes them away.
  heat(counts, isFromLeast) {
    const least = counts && isFromLeast ? Math.min(...counts) : 0;
    const most = counts ? Math.max(...counts.map((count) => count - least), isFromLeast ? 1e-9 : 1) : 1;
    for (const cell of this.cells.values()) {
      if (!cell.dataset.place) continue;
      const index = cell.dataset.place.split(",").reduce((sum, at, axis) => sum * this.size[axis] + Number(at), 0);
      cell.classList.remove("heat", ...range(8).map((level) => `h${level}`));
      cell.removeAttribute("data-count");
      if (!counts) continue;
      cell.classList.add("heat", `h${Math.round(7 * (counts[index] - least) / most)}`);
      cell.dataset.count = counts[index];
    }
  }
}

export const range = (count) => Array.from({ length: count }, (_, index) => index);
