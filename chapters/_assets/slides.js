// @ts-check
/* A chapter as slides, at its own address with ?slides: the hook, the toy, the explorers, the failure and the
   summary. A slide is a few first sentences and one thing to look at. The page's own elements are moved, so
   explorers stay alive, and nothing is fetched. Arrow keys, Page Up and Down, Space, Home and End turn pages. */
(() => {
  const LOOKED_AT = ".cell, .math, .pst-scrollable-table-container, table, .admonition, figure";

  /** Hide what comes after the first sentence of a paragraph.
   *  @param {Element} paragraph */
  function shorten(paragraph) {
    const hidden = document.createElement("span");
    hidden.hidden = true;
    for (const node of [...paragraph.childNodes]) {
      if (hidden.parentNode) {
        hidden.append(node);
        continue;
      }
      const end = node instanceof Text ? node.data.search(/[.?!](\s|$)/) : -1;
      if (!(node instanceof Text) || end < 0) continue;
      const rest = node.splitText(end + 1);
      rest.before(hidden);
      hidden.append(rest);
    }
  }

  const isLookedAt = (/** @type {Element} */ element) => element.matches(LOOKED_AT);
  const hasOutput = (/** @type {Element} */ element) =>
    !element.matches(".cell") || element.querySelector(".cell_output");

  /** Cut the children of a section into slides: text, then one thing to look at.
   *  @param {Element} section
   *  @param {Element | null} heading */
  function cut(section, heading) {
    /** @type {Node[][]} */
    const slides = [];
    /** @type {Element[]} */
    let open = [];
    const close = () => {
      if (open.length) slides.push([...(heading ? [heading.cloneNode(true)] : []), ...open]);
      open = [];
    };
    for (const child of [...section.children]) {
      if (child === heading || child.matches("section, .chapter-head, .tag_hide-input, script"))
        continue;
      if (!hasOutput(child) || /^(Time|Next):/.test(child.textContent ?? "")) continue;
      if (child.matches("p")) shorten(child);
      const isText = !isLookedAt(child);
      if (isText && open.filter((element) => !isLookedAt(element)).length >= 3) close();
      open.push(child);
      if (!isText) close();
    }
    close();
    return slides;
  }

  /** @param {Element} chapter */
  function wanted(chapter) {
    const parts = [...chapter.querySelectorAll(":scope > section")];
    const titled = (/** @type {string} */ name) =>
      parts.filter((part) => part.querySelector("h2")?.textContent?.startsWith(name));
    const explored = parts.filter((part) => part.querySelector("[data-dx], .dx"));
    const chosen = new Set([
      parts[0],
      ...explored,
      ...titled("Where it fails"),
      ...titled("Summary"),
    ]);
    return [chapter, ...parts.filter((part) => chosen.has(part))];
  }

  function build() {
    const chapter = document.querySelector("article.bd-article > section");
    if (!chapter) return;
    const slides = wanted(chapter).flatMap((part) => cut(part, part.querySelector("h1, h2")));
    const stage = document.createElement("main");
    stage.id = "slides";
    for (const content of slides) {
      const slide = document.createElement("section");
      slide.className = "slide";
      slide.append(...content);
      stage.append(slide);
    }
    stage.append(controls(stage, slides.length));
    document.body.append(stage);
    document.body.classList.add("is-slides");
    stage.dispatchEvent(new CustomEvent("turn", { detail: Number(location.hash.slice(7)) || 1 }));
    window.dispatchEvent(new Event("resize"));
  }

  /** @param {HTMLElement} stage
   *  @param {number} count */
  function controls(stage, count) {
    let at = 1;
    const nav = document.createElement("nav");
    const shown = document.createElement("output");
    const turn = (/** @type {number} */ to) => {
      at = Math.min(Math.max(to, 1), count);
      stage.querySelectorAll(".slide").forEach((slide, index) => {
        slide.classList.toggle("is-shown", index + 1 === at);
      });
      shown.textContent = `${at} of ${count}`;
      history.replaceState(null, "", `#slide-${at}`);
      window.dispatchEvent(new Event("resize"));
    };
    /** @type {(label: string, name: string, act: () => void) => HTMLButtonElement} */
    const button = (label, name, act) => {
      const made = document.createElement("button");
      made.textContent = label;
      made.setAttribute("aria-label", name);
      made.addEventListener("click", act);
      return made;
    };
    const leave = document.createElement("a");
    leave.textContent = "To the chapter";
    leave.href = location.pathname.split("/").pop() ?? "";
    nav.append(
      leave,
      button("‹", "Slide before", () => turn(at - 1)),
      shown,
    );
    nav.append(button("›", "Next slide", () => turn(at + 1)));
    stage.addEventListener("turn", (event) =>
      turn(/** @type {CustomEvent<number>} */ (event).detail),
    );
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };
    document.addEventListener("keydown", (event) => {
      const { target } = event;
      if (
        target instanceof Element &&
        target.closest("input, select, textarea, button, a, [tabindex], summary")
      )
        return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in steps) turn(at + steps[event.key]);
      else if (event.key === "Home") turn(1);
      else if (event.key === "End") turn(count);
      else return;
      event.preventDefault();
    });
    return nav;
  }

  if (document.readyState === "complete") build();
  else window.addEventListener("load", build);
})();
