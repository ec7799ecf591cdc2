// @ts-check
/* The text of the player: its tokens, which of the texts it is, and how to move through it. */
(() => {
  const { element, quoted, showProbability, depthOf, UNLIKELY, parts, player } =
    globalThis.DecodeExplorer;

  const TICK = 700; // milliseconds a token, while it plays

  /** Which of the recorded texts is shown.
   * @param {PlayerScene} scene */
  function branchPicker(scene) {
    const select = element("select", {
      "data-dx": "branch",
      ...parts.SUPPRESS,
      onchange: () => scene.go(Number(select.value)),
    });
    const node = element(
      "label",
      { class: "dx-branches" },
      element("span", { text: "Text" }),
      " ",
      select,
    );
    return {
      node,
      update() {
        const { branches } = scene.data;
        node.hidden = branches.length < 2 && !scene.isLive;
        if (select.options.length !== branches.length) {
          select.replaceChildren(
            ...branches.map((_, i) =>
              element("option", { value: i, text: `${i + 1}: ${player.nameOf(branches, i)}` }),
            ),
          );
        }
        select.value = scene.get("branch");
      },
    };
  }

  /** @type {(scene: PlayerScene, key: string) => number | undefined} */
  const placeAfter = ({ place, path }, key) =>
    new Map(
      Object.entries({
        ArrowRight: place + 1,
        ArrowDown: place + 1,
        ArrowLeft: place - 1,
        ArrowUp: place - 1,
        Home: 1,
        End: path.length,
      }),
    ).get(key);

  /** @param {PlayerScene} scene */
  function text(scene) {
    const list = element("span", {
      class: "dx-tokens",
      role: "listbox",
      "aria-label": "Generated tokens",
      "aria-orientation": "horizontal",
      "data-dx": "tokens",
      onkeydown(/** @type {KeyboardEvent} */ event) {
        const to = placeAfter(scene, event.key);
        if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        scene.move(to);
        focus();
      },
    });
    const given = element("span", { class: "dx-given", text: scene.data.prompt });
    const node = element("p", { class: "dx-prompt dx-reel" }, given, list);
    let written = "";
    /** @type {HTMLElement[]} */
    let tokens = [];

    const focus = () => tokens[scene.place - 1].focus();

    function write() {
      const now = JSON.stringify([scene.get("branch"), scene.data.branches.length]);
      if (written === now) return;
      written = now;
      tokens = scene.path.map((one, i) => {
        const isEnd = scene.isEnd(i);
        const token = element("span", {
          role: "option",
          class: isEnd ? "dx-tok dx-ending" : "dx-tok",
          "data-dx": "token",
          text: isEnd ? " ■ end of text" : one.text.replace(/\n/g, "↵\n") || "∅",
          onclick: () => {
            scene.move(i + 1);
            focus();
          },
        });
        token.style.setProperty("--depth", depthOf(-Math.log(one.p)));
        token.classList.toggle("dx-unlikely", one.p < UNLIKELY);
        return token;
      });
      list.replaceChildren(...tokens);
    }
    return {
      node,
      focus,
      update() {
        write();
        const { place, path, hidden } = scene;
        const forks = player.forksOf(scene.data.branches, path);
        list.classList.toggle("dx-plain", hidden()); // the shades would tell the numbers
        for (const [i, token] of tokens.entries()) {
          const p = hidden() ? "" : `, p ${showProbability(path[i].p)}`;
          token.tabIndex = i === place - 1 ? 0 : -1;
          token.setAttribute("aria-selected", String(i === place - 1));
          token.setAttribute(
            "aria-label",
            `${quoted(scene.textOf(i))}, token ${i + 1}${p}${forks.has(i) ? ", with branches" : ""}`,
          );
          token.title = hidden() ? "" : `p = ${showProbability(path[i].p)}`;
          token.classList.toggle("dx-later", i >= place);
          token.classList.toggle("dx-forced", scene.isForced(i));
          token.classList.toggle("dx-forks", forks.has(i));
        }
      },
    };
  }

  /** @param {PlayerScene} scene */
  function legend(scene) {
    const swatch = (/** @type {number} */ p) => {
      const kind = p < UNLIKELY ? "dx-swatch dx-unlikely" : "dx-swatch";
      const node = element("span", { class: kind, text: String(p) });
      node.style.setProperty("--depth", depthOf(-Math.log(p)));
      return node;
    };
    const forks = element("span", { text: " · ▾ branches recorded" });
    const node = element(
      "p",
      { class: "dx-rest dx-scale" },
      "p of the token: ",
      ...[1, 0.3, 0.1, 0.03, 0.001].map(swatch),
      " underlined below 0.01",
      forks,
    );
    return {
      node,
      update() {
        forks.hidden = scene.data.branches.length < 2;
      },
    };
  }

  /** Play, step and rewind; and the place in the text as a number.
   * @param {PlayerScene} scene */
  function transport(scene) {
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let timer;
    const button = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {() => void} */ onclick,
    ) => parts.button(label, onclick, { "data-dx": name });
    const rewind = button("rewind", "Rewind", () => scene.move(1));
    const back = button("back", "Back", () => scene.move(scene.place - 1));
    const start = button("play", "Play", () => (timer ? stop() : play()));
    const next = button("step", "Step", () => scene.move(scene.place + 1));
    /** @type {Scale | null} */
    let scale = null;
    const scaleNow = () => {
      if (scale?.max !== scene.path.length) scale = parts.linear(1, scene.path.length, 1);
      return scale;
    };
    const knob = parts.knob({
      name: "position",
      label: "Token",
      min: 1,
      max: () => scene.path.length,
      integer: true,
      scale: scaleNow,
      get: () => scene.place,
      set: scene.move,
      valueText: (value) => `${value} of ${scene.path.length}`,
    });
    const node = element(
      "div",
      { class: "dx-transport" },
      element(
        "div",
        { class: "dx-buttons", role: "group", "aria-label": "Player" },
        rewind,
        back,
        start,
        next,
      ),
      knob.node,
    );

    function stop() {
      clearInterval(timer);
      timer = undefined;
      update();
    }
    function play() {
      if (scene.place === scene.path.length) scene.set({ position: 1 });
      timer = setInterval(() => {
        if (node.isConnected && scene.place < scene.path.length)
          scene.set({ position: scene.place + 1 });
        if (!node.isConnected || scene.place >= scene.path.length) stop();
      }, TICK);
      update();
    }
    function update() {
      // aria-disabled, so that a button keeps the focus when it reaches an end
      for (const one of [rewind, back])
        one.setAttribute("aria-disabled", String(scene.place === 1));
      next.setAttribute("aria-disabled", String(scene.place === scene.path.length));
      start.textContent = timer ? "Pause" : "Play";
      knob.update();
    }
    return { node, update, stop };
  }

  Object.assign(player, { branchPicker, text, legend, transport });
})();
