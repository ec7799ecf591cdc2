// @ts-check
/* A term of the glossary says what it means: under the pointer, in the keyboard's focus, or when it is tapped.
   The definitions are loaded when the first one is asked for. */
addEventListener("DOMContentLoaded", () => {
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const terms = document.querySelectorAll("a.term");
  if (!terms.length) return;
  const tip = Object.assign(document.createElement("div"), {
    id: "term-tip",
    className: "term-tip",
    hidden: true,
  });
  tip.setAttribute("role", "tooltip");
  document.querySelector("article.bd-article")?.append(tip);
  /** @type {HTMLAnchorElement | null} */
  let shown = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let closing;

  /** @type {Promise<Record<string, string>> | undefined} */
  let loading;
  const definitions = () =>
    (loading ??= new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = String(new URL("../_static/terms-data.js", location.href));
      script.onload = () => resolve(globalThis.BookTerms ?? {});
      script.onerror = () => resolve({});
      document.head.append(script);
    }));

  /** @param {HTMLAnchorElement} link */
  async function show(link) {
    clearTimeout(closing);
    if (shown === link) return;
    shown = link;
    const text = (await definitions())[link.hash.slice(1)];
    if (!text || shown !== link) return;
    tip.innerHTML = text;
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    await globalThis.MathJax?.typesetPromise?.([tip]);
    place(link);
  }

  /** @param {HTMLAnchorElement} link */
  function place(link) {
    const box = tip.offsetParent?.getBoundingClientRect();
    const at = link.getClientRects()[0];
    if (!box || !at) return;
    const left = Math.min(at.left - box.left, box.width - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(0, left)}px`;
    tip.style.top = `${at.bottom - box.top + 4}px`;
  }

  function hide() {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  }

  const hideSoon = () => {
    closing = setTimeout(hide, 200); // time to move the pointer onto the tip
  };
  for (const link of terms) {
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") show(link);
    });
    link.addEventListener("pointerleave", hideSoon);
    link.addEventListener("focus", () => show(link));
    link.addEventListener("blur", hideSoon);
    link.addEventListener("click", (event) => {
      // The first tap shows, the second follows.
      if (event.pointerType !== "touch" || (shown === link && !tip.hidden)) return;
      event.preventDefault();
      show(link);
    });
  }
  tip.addEventListener("pointerenter", () => clearTimeout(closing));
  tip.addEventListener("pointerleave", hideSoon);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !tip.hidden) hide();
  });
});
