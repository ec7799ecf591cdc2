// @ts-check
/* Tokens and numbers as a reader sees them. */
(() => {
  const DEEPEST = 8; // nats: more surprising tokens are shaded no deeper
  const UNLIKELY = 0.01; // tokens below this probability are underlined

  /** @type {Shell["showToken"]} */
  function showToken(token) {
    if (token === "") return "∅";
    return token.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/\r/g, "␍");
  }

  /** @type {Shell["quoted"]} */
  const quoted = (token) => `“${showToken(token)}”`;

  /** @type {Shell["showProbability"]} */
  function showProbability(p) {
    if (p === 0) return "0";
    return p >= 0.00005 ? p.toFixed(4) : p.toExponential(0);
  }

  /** @type {Shell["showCount"]} */
  const showCount = (n) => n.toLocaleString("en-US");

  /** @type {Shell["percent"]} */
  const percent = (x) => `${x.toFixed(3)}%`;

  /** @type {Shell["depthOf"]} */
  const depthOf = (nats) => Math.min(1, nats / DEEPEST).toFixed(3);

  Object.assign(globalThis.DecodeExplorer, {
    showToken,
    quoted,
    showProbability,
    showCount,
    percent,
    depthOf,
    UNLIKELY,
  });
})();
