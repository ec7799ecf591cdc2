// @ts-check
/* The steps: the processors in the order applied, each with its knob; the reader adds and moves. */
(() => {
  const { element, showCount, parts, knobs, distribution } = globalThis.DecodeExplorer;

  /** Which steps are listed: those that the chapter names, those that were added, and those that do
   * something.
   * @param {DistributionScene} scene */
  function steps(scene) {
    const added = new Set(scene.data.knobs);
    const shown = () => scene.settings().order.filter((name) => added.has(name));
    const controls = new Map(Object.keys(knobs).map((name) => [name, step(scene, name, shown)]));
    const list = element("ol", {
      class: "dx-steps",
      "aria-label": "Processors, in the order applied",
    });
    const adders = Object.entries(knobs).map(([name, { label, usual }]) => ({
      name,
      node: parts.button(
        `+ ${label}`,
        () => {
          scene.set({ [name]: usual });
          controls.get(name)?.focus();
          scene.announce(`${label} is now step ${shown().indexOf(name) + 1}. ${scene.sentence()}`);
        },
        { "aria-label": `Add ${label}`, "data-dx": `add-${name}` },
      ),
    }));
    const more = element(
      "div",
      { class: "dx-add", role: "group", "aria-label": "More processors" },
      ...adders.map(({ node }) => node),
    );
    let listed = "";
    return {
      node: element("div", { class: "dx-controls dx-below" }, list, more),
      /** Leave only the steps that the chapter names. */
      forget() {
        added.clear();
        for (const name of scene.data.knobs) added.add(name);
      },
      update() {
        for (const [name, { off }] of Object.entries(knobs))
          if (scene.get(name) !== off) added.add(name);
        const names = shown();
        const now = names.flatMap((name) => controls.get(name) ?? []);
        if (listed !== names.join()) list.replaceChildren(...now.map(({ node }) => node));
        listed = names.join();
        for (const [i, control] of now.entries()) control.update(i === 0, i === now.length - 1);
        for (const { name, node } of adders) {
          node.hidden = added.has(name);
          node.disabled = scene.hidden();
        }
        more.hidden = adders.every(({ name }) => added.has(name));
      },
    };
  }

  /** One step: its knob, what it does now, and the buttons that move it.
   * @param {DistributionScene} scene
   * @param {string} name
   * @param {() => string[]} shown */
  function step(scene, name, shown) {
    const { label, off, slider } = knobs[name];
    const { type, min = 0, max } = scene.data.limits[name];
    const size = () => scene.context.vocab;
    /** The slider's scale, by the size of the vocabulary. @type {Map<number, Scale>} */
    const scales = new Map();
    const scale = () => {
      const known = scales.get(size()) ?? slider(size());
      scales.set(size(), known);
      return known;
    };
    const knob = parts.knob({
      name,
      label,
      min,
      max: max ?? size,
      integer: type === "integer",
      scale,
      get: () => scene.get(name),
      set: (value) => scene.set({ [name]: value }),
      valueText: (value) => (value === off ? `${value} (off)` : String(value)),
    });
    const move = (
      /** @type {number} */ by,
      /** @type {string} */ word,
      /** @type {string} */ arrow,
    ) => {
      const button = parts.button(
        arrow,
        () => {
          const names = shown();
          const at = names.indexOf(name);
          if (scene.hidden() || !names[at + by]) return;
          scene.set({ order: swapped(scene.settings().order, name, names[at + by]) });
          button.focus(); // moving a node in the document takes the focus from it
          scene.announce(
            `${label} is now step ${at + by + 1} of ${names.length}. ${scene.sentence()}`,
          );
        },
        { class: "dx-move", "aria-label": `Apply ${label} ${word}`, title: `Apply ${word}` },
      );
      return button;
    };
    const [earlier, later] = [move(-1, "earlier", "↑"), move(1, "later", "↓")];
    const effect = element("span", { class: "dx-effect" });
    const node = element(
      "li",
      { class: "dx-step", "data-dx": `${name}-step` },
      knob.node,
      effect,
      element("span", { class: "dx-moves" }, earlier, later),
    );
    const kept = () => scene.result.steps.find((one) => one.name === name)?.kept ?? 0;
    const told = (/** @type {number} */ value) => {
      if (value === off) return "off";
      if (scene.hidden()) return "?";
      if (name === "temperature") return value < 1 ? "sharper" : "flatter";
      return `${showCount(kept())} left`;
    };
    return {
      node,
      focus: () => node.querySelector("input")?.focus(),
      update(/** @type {boolean} */ isFirst, /** @type {boolean} */ isLast) {
        knob.update({ disabled: scene.hidden() });
        earlier.setAttribute("aria-disabled", String(scene.hidden() || isFirst));
        later.setAttribute("aria-disabled", String(scene.hidden() || isLast));
        node.classList.toggle("dx-off", scene.get(name) === off);
        effect.textContent = told(scene.get(name));
      },
    };
  }

  /** @type {(order: string[], a: string, b: string) => string[]} */
  const swapped = (order, a, b) => order.map((name) => (name === a ? b : name === b ? a : name));

  distribution.steps = steps;
})();
