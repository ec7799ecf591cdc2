// @ts-check
/* The current settings as Python source that computes, or decodes with, what the page shows. */
(() => {
  const { logits, knobs } = globalThis.DecodeExplorer;

  /** Tokens and logits as Python source: in the order of their ids, or, where only the most probable
   *  came with their texts, all logits from the largest down, packed as they came.
   * @param {PackedRow} row */
  function rowAsCode({ ids, tokens, logits: values, tail }) {
    if (tail.length) {
      return [
        `tokens = ${JSON.stringify(tokens)}  # the most probable`,
        `logits = unpack({"logits": ${JSON.stringify(values)}, "tail": ${JSON.stringify(tail)}})[None]`,
      ];
    }
    const ranks = ids.map((_, rank) => rank).sort((a, b) => ids[a] - ids[b]);
    return [
      `tokens = ${JSON.stringify(ranks.map((rank) => tokens[rank]))}`,
      `logits = torch.tensor([[${ranks.map((rank) => values[rank]).join(", ")}]], dtype=torch.float64)`,
    ];
  }

  /** @type {Logits["asCode"]} */
  logits.asCode = (load, context, settings, seed) => {
    const chain = settings.order
      .filter((name) => settings[name] !== knobs[name].off)
      .map((name) => `dl.${knobs[name].processor}(${settings[name]})`)
      .join(", ");
    if (load === null) {
      return [
        "import torch",
        "import decodelib as dl",
        ...(context.tail.length ? ["from decodelib.viz.distribution.payload import unpack"] : []),
        "",
        ...rowAsCode(context),
        `process = dl.Chain(${chain})`,
        "probs = process(torch.empty(1, 0, dtype=torch.long), logits).softmax(-1)[0]",
        "print(dict(zip(tokens, probs.tolist())))",
      ].join("\n");
    }
    return [
      "import decodelib as dl",
      "",
      `lm = ${load}`,
      `strategy = dl.Sampling(${chain})`,
      `generation = dl.generate(lm, ${JSON.stringify(context.prompt)}, strategy, max_new_tokens=40, seed=${seed})`,
      "print(generation.full_text)",
    ].join("\n");
  };
})();
