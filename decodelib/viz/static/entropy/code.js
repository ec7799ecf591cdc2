// @ts-check
/* The text and the thresholds of the map, as Python source. */
(() => {
  const { entropy } = globalThis.DecodeExplorer;

  /** @type {Entropy["asCode"]} */
  entropy.asCode = (model, { record, at, thresholds }) =>
    [
      "import decodelib as dl",
      "",
      model ? `lm = dl.load(${JSON.stringify(model)})` : "# lm is the table of this page",
      "strategy = dl.EntropySampling(",
      ...Object.entries(thresholds).map(([name, value]) => `    ${name}=${value},`),
      ")",
      `prompt = ${JSON.stringify(record.tokens.slice(0, at).join(""))}`,
      "generation = dl.generate(lm, prompt, strategy, max_new_tokens=40, trace=True)",
      "for step in generation.steps:",
      "    print(repr(step.token), step.decision)",
    ].join("\n");
})();
