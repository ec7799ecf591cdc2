// @ts-check
/* The map as Python source that computes it anew, with the thresholds of now. */
(() => {
  const { entropy } = globalThis.DecodeExplorer;

  /** @type {Entropy["asCode"]} */
  entropy.asCode = (load, { record, thresholds }) =>
    [
      "import decodelib as dl",
      "from decodelib.distributions import entropy_and_varentropy",
      "",
      load ? `lm = ${load}` : "# lm is the table of this page",
      `text = ${JSON.stringify(record.tokens.join(""))}`,
      "strategy = dl.EntropySampling(",
      ...Object.entries(thresholds).map(([name, value]) => `    ${name}=${value},`),
      ")",
      "ids = lm.prompt_ids(text)",
      "entropies, varentropies = entropy_and_varentropy(lm.logits(ids)[:-1])",
      "points = zip(ids[1:].tolist(), entropies.tolist(), varentropies.tolist())",
      "for token_id, h, v in points:",
      '    print(f"{lm.decode([token_id])!r:15} {h:.3f} {v:.3f} {strategy.quadrant(h, v)}")',
    ].join("\n");
})();
