// @ts-check
/* The line as a picture: rows of intervals that pointer and wheel move, and the marks on it. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, showToken } = globalThis.DecodeExplorer;

  /** The picture. It knows nothing of models: it draws what it is given and tells how it is moved.
   *  @param {{zoom: (place: number, factor: number) => void, pan: (share: number) => void, fit: (interval: any) => void}} moves */
  function picture(moves) {
    const rows = element("div", { class: "live-rows" });
    const marks = element("div", { class: "live-marks" });
    const node = element(
      "div",
      {
        class: "live-line",
        tabindex: "0",
        role: "application",
        "aria-roledescription": "number line",
        "data-live-part": "line",
        "aria-label":
          "The line of all texts. Plus and minus zoom, the arrows move, Enter goes to the widest, Home shows all.",
      },
      rows,
      marks,
    );

    const placeOf = (/** @type {any} */ event) => {
      const { left, width } = node.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - left) / width, 0), 1);
    };
    node.addEventListener(
      "wheel",
      (event) => {
        // A page must still scroll: only a wheel that turns over the line with purpose zooms it.
        if (!event.ctrlKey && !event.shiftKey && document.activeElement !== node) return;
        event.preventDefault();
        moves.zoom(placeOf(event), Math.exp(-event.deltaY / 300));
      },
      { passive: false },
    );

    /** @type {Map<number, number>} */
    const fingers = new Map(); // places of the pointers that are down
    let moved = 0;
    node.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, placeOf(event));
      node.setPointerCapture(event.pointerId);
      moved = 0;
    });
    node.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (before === undefined) return;
      const now = placeOf(event);
      const others = [...fingers]
        .filter(([id]) => id !== event.pointerId)
        .map(([, place]) => place);
      if (others.length === 1) {
        const [was, is] = [Math.abs(before - others[0]), Math.abs(now - others[0])];
        if (was > 0.01 && is > 0.01) moves.zoom((now + others[0]) / 2, is / was);
      } else if (!others.length) moves.pan(before - now);
      moved += Math.abs(now - before);
      fingers.set(event.pointerId, now);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      node.addEventListener(end, (/** @type {any} */ event) => {
        const wasDown = fingers.delete(event.pointerId);
        if (end === "pointercancel" || !wasDown || moved > 0.01) return;
        const hit = document
          .elementsFromPoint(event.clientX, event.clientY)
          .find((one) => one instanceof HTMLElement && node.contains(one) && one.dataset.place);
        if (hit) moves.fit(shown[Number(/** @type {HTMLElement} */ (hit).dataset.place)]);
      });
    }

    /** @type {any[]} */
    let shown = [];
    return {
      node,
      /** @param {any[]} intervals
       *  @param {(id: number) => string} name
       *  @param {{place: number, label: string, kind: string}[]} points */
      draw(intervals, name, points) {
        shown = intervals;
        const width = node.clientWidth || 600;
        rows.replaceChildren(
          ...intervals.map(({ id, level, left, width: share, isWidest }, place) => {
            const from = Math.max(left, 0);
            const seen = Math.min(left + share, 1) - from;
            const label = seen * width > 16 ? showToken(name(id)) : "";
            return element("div", {
              class: `live-interval live-shade${id % 4}${isWidest ? " live-widest" : ""}`,
              "data-place": place,
              title: `${showToken(name(id))}`,
              style: `left:${(100 * from).toFixed(4)}%;width:${(100 * seen).toFixed(4)}%;top:${level * 2.4}rem`,
              text: label,
            });
          }),
        );
        marks.replaceChildren(
          ...points.map(({ place, label, kind }) =>
            element("span", {
              class: `live-mark live-mark-${kind}`,
              style: `left:${(100 * place).toFixed(4)}%`,
              title: label,
            }),
          ),
        );
      },
    };
  }

  Object.assign(live, { picture });
})();
