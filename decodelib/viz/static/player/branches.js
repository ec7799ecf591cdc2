// @ts-check
/* A recorded text and the branches that leave it for another candidate. */
(() => {
  const { quoted } = globalThis.DecodeExplorer;

  /** All steps of a branch, those that it shares with its parents first.
   * @type {Player["pathOf"]} */
  function pathOf(branches, index) {
    const { parent, start, steps } = branches[index];
    return parent === null ? steps : [...pathOf(branches, parent).slice(0, start), ...steps];
  }

  /** The first branch whose text begins with these tokens; -1 for none.
   * @type {Player["findBranch"]} */
  const findBranch = (branches, ids) =>
    branches.findIndex((_, index) => {
      const path = pathOf(branches, index);
      return ids.every((id, i) => path[i]?.id === id);
    });

  /** Where other branches leave a path, as places in it.
   * @type {Player["forksOf"]} */
  const forksOf = (branches, path) =>
    new Set(
      branches
        .filter(
          ({ parent, start }, index) =>
            parent !== null &&
            pathOf(branches, index)
              .slice(0, start)
              .every(({ id }, i) => path[i]?.id === id),
        )
        .map(({ start }) => start),
    );

  /** What a branch is called in the list of texts.
   * @type {Player["nameOf"]} */
  function nameOf(branches, index) {
    const { parent, start, steps } = branches[index];
    if (parent === null) return "the strategy’s own text";
    const other = pathOf(branches, parent)[start].text;
    return `${parent ? `from text ${parent + 1}, ` : ""}token ${start + 1}: ${quoted(steps[0].text)} for ${quoted(other)}`;
  }

  /** The text shown, as Python source that generates it.
   * @type {Player["asCode"]} */
  function asCode(data, index) {
    const { code, load, prompt, max_new_tokens: most, seed, branches } = data;
    const { parent, start, steps } = branches[index];
    const lines = [
      ...globalThis.DecodeExplorer.parts.imports(code),
      "",
      load ? `lm = ${load}` : "# lm is the table of this page",
      `strategy = ${code}`,
    ];
    const generate = (/** @type {string} */ what, /** @type {number} */ count) => [
      `generation = dl.generate(lm, ${what}, strategy, max_new_tokens=${count}, seed=${seed}, trace=True)`,
      "print(generation.full_text)",
    ];
    if (parent === null) return [...lines, ...generate(JSON.stringify(prompt), most)].join("\n");
    const ids = pathOf(branches, index)
      .slice(0, start + 1)
      .map(({ id }) => id);
    lines.push(`ids = lm.prompt_ids(${JSON.stringify(prompt)}).tolist() + [${ids.join(", ")}]`);
    const rest = steps.length > 1 ? generate("ids", most - ids.length) : ["print(lm.decode(ids))"];
    return [...lines, ...rest].join("\n");
  }

  globalThis.DecodeExplorer.player = /** @type {Player} */ ({
    pathOf,
    findBranch,
    forksOf,
    nameOf,
    asCode,
  });
})();
