// @ts-check
/* What the reader's browser remembers: answers that were predicted or shown, until forgotten. */
(() => {
  const PREFIX = "decodelib:answer:";

  /** Run an action on the store, which a browser may refuse: blocked, full, or on no origin.
   * @template T
   * @param {(store: Storage) => T} action
   * @returns {T | undefined} */
  function attempt(action) {
    try {
      return action(globalThis.localStorage);
    } catch {
      return undefined;
    }
  }

  /** @type {Shell["memory"]["of"]} */
  function of(page, slug, question) {
    const key = `${PREFIX}${page}#${slug}`;
    return {
      recall() {
        const text = attempt((store) => store.getItem(key));
        const kept = attempt(() => JSON.parse(text ?? "null"));
        const isAnswer = ["number", "string"].includes(typeof kept?.guess) || kept?.guess === null;
        return isAnswer && kept.question === question ? { guess: kept.guess } : undefined;
      },
      remember: (guess) =>
        attempt((store) => store.setItem(key, JSON.stringify({ question, guess }))),
      forget: () => attempt((store) => store.removeItem(key)),
    };
  }

  /** @type {Shell["memory"]["forgetAll"]} */
  function forgetAll() {
    attempt((store) => {
      const keys = Array.from({ length: store.length }, (_, i) => store.key(i) ?? "");
      for (const key of keys) if (key.startsWith(PREFIX)) store.removeItem(key);
    });
  }

  globalThis.DecodeExplorer.memory = { of, forgetAll };
})();
