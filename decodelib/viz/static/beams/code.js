// @ts-check
/* The search shown, as Python source. */
(() => {
  const { beams } = globalThis.DecodeExplorer;
  const RULES = new Map([
    ["true", "True"],
    ["false", "False"],
    ["never", '"never"'],
  ]);

  /** @type {Beams["asCode"]} */
  beams.asCode = ({ data, width, lengthPenalty, earlyStopping, returned }) =>
    [
      "import decodelib as dl",
      "",
      `lm = ${data.source}`,
      `strategy = dl.BeamSearch(${width}, length_penalty=${lengthPenalty}, ` +
        `early_stopping=${RULES.get(String(earlyStopping))}, num_return_sequences=${returned})`,
      `best = dl.generate(lm, ${JSON.stringify(data.prompt)}, strategy, max_new_tokens=${data.max_new_tokens}, trace=True)`,
      "for found in (best, *best.alternatives):",
      '    print(f"{found.score:.4f} {found.text!r}")',
      "print(best.tree)",
    ].join("\n");
})();
