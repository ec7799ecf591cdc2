// @ts-check
/* Which strategies are shown, in which order, and their numbers in words. */
(() => {
  const AS_GIVEN = "as given";

  /** The strategies shown (none named: all), smallest value first; what has no value comes last,
   * and equals keep the order given.
   * @type {Race["ranking"]} */
  function ranking(strategies, shown, sort) {
    const chosen = strategies.filter(({ name }) => !shown.length || shown.includes(name));
    if (sort === AS_GIVEN) return chosen;
    const value = (/** @type {RaceStrategy} */ { numbers }) => numbers[sort].value ?? Infinity;
    return chosen.sort((a, b) => (value(a) === value(b) ? 0 : value(a) - value(b)));
  }

  /** Where the bar of each metric ends.
   * @type {Race["longestOf"]} */
  const longestOf = (metrics, strategies) =>
    new Map(
      metrics.map(({ name, end }) => [
        name,
        end ??
          Math.max(
            ...strategies.flatMap(({ numbers }) => [
              numbers[name].value ?? 0,
              numbers[name].high ?? 0,
            ]),
          ),
      ]),
    );

  /** A number as the table has it: with its range over the texts, and a note that counts something.
   * @type {Race["cellOf"]} */
  function cellOf({ text, low, high, note }) {
    const short = (/** @type {number} */ x) => Number(x.toPrecision(3));
    const range =
      low === null || high === null || low === high ? "" : ` (${short(low)} to ${short(high)})`;
    return text + range + (/\d/.test(note) ? `, ${note}` : "");
  }

  /** The text shown of a strategy: a deterministic one has the same each time.
   * @type {Race["textOf"]} */
  const textOf = ({ texts }, sample) => texts[Math.min(sample, texts.length) - 1];

  /** @type {Race["asCode"]} */
  const asCode = (data, { code, texts }, sample) =>
    [
      ...globalThis.DecodeExplorer.parts.imports(code),
      "",
      data.load ? `lm = ${data.load}` : "# lm is the table of this page",
      `strategy = ${code}`,
      `generation = dl.generate(lm, ${JSON.stringify(data.prompt)}, strategy, ` +
        `max_new_tokens=${data.max_new_tokens}, seed=${data.seed + Math.min(sample, texts.length) - 1})`,
      "print(generation.full_text)",
    ].join("\n");

  globalThis.DecodeExplorer.race = /** @type {Race} */ ({
    AS_GIVEN,
    ranking,
    longestOf,
    cellOf,
    textOf,
    asCode,
  });
})();
