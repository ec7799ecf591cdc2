// @ts-check
/* The map: a point for each step, the quadrants behind them, and the adaptive temperature below. */
(() => {
  const { element, svg, percent, entropy } = globalThis.DecodeExplorer;
  const { shapes, temperatureAt } = entropy;

  const TICKS = [0, 0.1, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40];
  const COOLEST = 0.4; // where the strip of the adaptive temperature ends; 1 / 2.42 is its least
  const KEYS = new Map(
    Object.entries({
      ArrowRight: 1,
      ArrowUp: 1,
      ArrowLeft: -1,
      ArrowDown: -1,
      PageUp: 10,
      PageDown: -10,
      Home: -Infinity,
      End: Infinity,
    }),
  );

  /** Both axes are on a square-root scale; the varentropy's points up.
   * @type {Entropy["scalesOf"]} */
  const scalesOf = (axes) => ({
    across: (x) => 100 * Math.sqrt(x / axes.entropy),
    down: (y) => 100 - 100 * Math.sqrt(y / axes.varentropy),
  });
  const coolness = (/** @type {number} */ temperature) => (100 * (1 - temperature)) / (1 - COOLEST);

  /** @type {(content: string | number, attributes: Record<string, string>) => SVGElement} */
  const text = (content, attributes) => svg("text", attributes, String(content));

  /** @param {EntropyScene} scene */
  function map(scene) {
    const [area, below] = [plot(scene), strip(scene)];
    const axis = (/** @type {string} */ words, kind = "") =>
      element("p", { class: `dx-axis ${kind}`.trim(), text: words });
    return {
      node: element(
        "div",
        { class: "dx-map dx-pinned" },
        axis("Varentropy (nats²)"),
        area.node,
        axis("Adaptive temperature; shaded where it sharpens"),
        below.node,
        axis("Entropy (nats); both axes on a square-root scale", "dx-axis-below"),
      ),
      update() {
        area.update();
        below.update();
      },
    };
  }

  /** @param {EntropyScene} scene */
  function band({ data, across }) {
    const [from, to] = data.temperature.band.map(across);
    return svg("rect", {
      class: "dx-band",
      y: "0",
      height: "100%",
      x: percent(from),
      width: percent(to - from),
    });
  }

  /** Where the points are, with the axis of varentropy.
   * @param {EntropyScene} scene */
  function plot(scene) {
    const { data, across, down, hidden, set } = scene;
    const grid = TICKS.filter((tick) => tick <= data.axes.varentropy).flatMap((tick) => [
      svg("line", {
        class: "dx-grid",
        x1: "0",
        x2: "100%",
        y1: percent(down(tick)),
        y2: percent(down(tick)),
      }),
      text(tick, {
        class: "dx-tick",
        x: "0",
        y: percent(down(tick)),
        dx: "-.5em",
        dy: ".35em",
        "text-anchor": "end",
      }),
    ]);
    const areas = regions(scene);
    const group = svg("g");
    const ring = svg("svg", { overflow: "visible", class: "dx-ring" }, svg("circle", { r: "8.5" }));
    const area = element(
      "div",
      {
        class: "dx-plot",
        role: "slider",
        "data-dx": "plot",
        "aria-valuemin": 1,
        "aria-label": "Step of the text, entropy against varentropy",
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          const by = KEYS.get(event.key);
          if (by === undefined || hidden()) return;
          event.preventDefault();
          set({ position: Math.min(Math.max(scene.at + by, 1), scene.last) });
        },
        onclick: (/** @type {MouseEvent} */ event) => {
          if (!hidden()) set({ position: nearest(event) });
        },
      },
      svg("svg", { class: "dx-canvas" }, band(scene), ...areas.nodes, ...grid, group, ring),
    );
    /** @type {EntropyText | null} */
    let drawn = null;
    /** @type {SVGElement[]} */
    let points = [];

    /** @param {MouseEvent} event */
    function nearest(event) {
      const { record } = scene;
      const box = area.getBoundingClientRect();
      const distances = record.entropy.map((x, i) =>
        Math.hypot(
          (across(x) / 100) * box.width - (event.clientX - box.left),
          (down(record.varentropy[i]) / 100) * box.height - (event.clientY - box.top),
        ),
      );
      return 1 + distances.indexOf(Math.min(...distances));
    }
    /** @type {(node: SVGElement, i: number) => void} */
    function put(node, i) {
      node.setAttribute("x", percent(across(scene.record.entropy[i])));
      node.setAttribute("y", percent(down(scene.record.varentropy[i])));
    }
    function draw() {
      if (drawn === scene.record) return;
      drawn = scene.record;
      points = drawn.entropy.map(() =>
        svg("svg", { overflow: "visible", class: "dx-point" }, svg("path", { d: "" })),
      );
      for (const [i, point] of points.entries()) put(point, i);
      group.replaceChildren(...points);
    }
    return {
      node: area,
      update() {
        draw();
        areas.update();
        group.style.display = ring.style.display = hidden() ? "none" : "";
        area.setAttribute("aria-valuemax", String(scene.last));
        area.setAttribute("aria-valuenow", String(scene.at));
        area.setAttribute("aria-valuetext", hidden() ? "hidden until you predict" : scene.told());
        area.setAttribute("aria-disabled", String(hidden()));
        area.tabIndex = hidden() ? -1 : 0;
        for (const [i, point] of points.entries()) {
          const name = scene.names[i];
          if (point.dataset.quadrant === name) continue;
          point.dataset.quadrant = name;
          point.setAttribute("class", `dx-point dx-${name}`);
          point.firstElementChild?.setAttribute("d", shapes[name]);
        }
        put(ring, scene.at - 1);
      },
    };
  }

  /** The quadrants' areas, with their names in the corners.
   * @param {EntropyScene} scene */
  function regions(scene) {
    const { across, down } = scene;
    const names = /** @type {const} */ (["certain", "wide", "forked", "lost"]);
    const areas = names.map((name) => svg("rect", { class: `dx-region dx-${name}` }));
    const end = { "text-anchor": "end", dx: "-.5em" };
    const places = [
      { dx: ".4em", dy: "-.45em" },
      { ...end, dy: "-.45em" },
      { dx: ".5em", dy: "1.3em" },
      { ...end, dy: "1.3em" },
    ];
    const labels = names.map((name, i) => text(name, { class: "dx-region-name", ...places[i] }));
    return {
      nodes: [...areas, ...labels],
      update() {
        const [e, E] = [
          across(scene.thresholds.low_entropy),
          across(scene.thresholds.high_entropy),
        ];
        const [v, V] = [
          down(scene.thresholds.low_varentropy),
          down(scene.thresholds.high_varentropy),
        ];
        const boxes = [
          [0, v, e, 100 - v],
          [E, v, 100 - E, 100 - v],
          [0, 0, E, V],
          [E, 0, 100 - E, V],
        ];
        for (const [i, [x, y, width, height]] of boxes.entries()) {
          for (const [name, value] of Object.entries({ x, y, width, height }))
            areas[i].setAttribute(name, percent(value));
        }
        const corners = [
          [e < 22 ? e : 0, 100],
          [100, 100],
          [0, 0],
          [100, 0],
        ];
        for (const [i, [x, y]] of corners.entries()) {
          labels[i].setAttribute("x", percent(x));
          labels[i].setAttribute("y", percent(y));
        }
      },
    };
  }

  /** The adaptive temperature over the same axis of entropy.
   * @param {EntropyScene} scene */
  function strip(scene) {
    const { data, across, hidden } = scene;
    const curve = Array.from({ length: 241 }, (_, i) => i / 2.4).map((x) => {
      const temperature = temperatureAt(data.axes.entropy * (x / 100) ** 2, data.temperature);
      return `${x.toFixed(2)},${coolness(temperature).toFixed(2)}`;
    });
    const ticks = TICKS.filter((tick) => tick <= data.axes.entropy).map((tick) =>
      text(tick, {
        class: "dx-tick",
        x: percent(across(tick)),
        y: "100%",
        dy: "1.3em",
        "text-anchor": "middle",
      }),
    );
    const ends = [1, COOLEST].map((tick) =>
      text(tick, {
        class: "dx-tick",
        x: "0",
        y: percent(coolness(tick)),
        dx: "-.5em",
        dy: ".35em",
        "text-anchor": "end",
      }),
    );
    const dot = svg("svg", { overflow: "visible", class: "dx-ring" }, svg("circle", { r: "4.5" }));
    const line = svg(
      "svg",
      { viewBox: "0 0 100 100", preserveAspectRatio: "none", width: "100%", height: "100%" },
      svg("polyline", { class: "dx-curve", points: curve.join(" ") }),
    );
    const node = element(
      "div",
      { class: "dx-strip", "aria-hidden": "true" },
      svg("svg", { class: "dx-canvas" }, band(scene), line, ...ticks, ...ends, dot),
    );
    return {
      node,
      update() {
        const x = scene.record.entropy[scene.at - 1];
        dot.style.display = hidden() ? "none" : "";
        dot.setAttribute("x", percent(across(x)));
        dot.setAttribute("y", percent(coolness(temperatureAt(x, data.temperature))));
      },
    };
  }

  Object.assign(entropy, { map, scalesOf });
})();
