// @ts-check
/* Many texts as one tree with counts, and the votes of their answers. */
(() => {
  const ALL = "all";

  /** Each answer and its votes, most first, of equals the first given.
   * @type {Votes["tally"]} */
  function tally(texts) {
    /** @type {Map<string, number>} */
    const votes = new Map();
    for (const { answer } of texts)
      if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1);
    return [...votes].sort(([, a], [, b]) => b - a);
  }

  /** The branches that the texts go on with from a depth, most texts first, of equals the first.
   * @type {Votes["branches"]} */
  function branches(texts, depth = 0) {
    /** @type {Map<string, VoteText[]>} */
    const groups = new Map();
    for (const text of texts) {
      if (depth >= text.tokens.length) continue;
      const token = text.tokens[depth];
      groups.set(token, [...(groups.get(token) ?? []), text]);
    }
    return [...groups.values()]
      .sort((a, b) => b.length - a.length)
      .map((group) => branch(group, depth));
  }

  /** The branch that begins at a depth, as far as all its texts go on alike.
   * @type {(texts: VoteText[], depth: number) => VoteBranch} */
  function branch(texts, depth) {
    const [{ tokens }] = texts;
    let end = depth + 1;
    while (texts.every((text) => text.tokens.length > end && text.tokens[end] === tokens[end]))
      end += 1;
    return { tokens: tokens.slice(depth, end), texts, branches: branches(texts, end) };
  }

  /** The texts shown: of those counted, the ones with the answer picked.
   * @type {Votes["shown"]} */
  const shown = (texts, count, picked) =>
    texts.slice(0, count).filter(({ answer }) => picked === ALL || answer === picked);

  /** What the last match of Python's regular expression says: its first group, if it has one.
   * @type {Votes["answerOf"]} */
  function answerOf(pattern, text) {
    const [, flags = "", body] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(pattern) ?? [];
    const last = [...text.matchAll(new RegExp(body, `${flags}gu`))].pop();
    return (last && (last.length > 1 ? last[1] : last[0])) ?? null;
  }

  /** @type {Votes["asCode"]} */
  const asCode = (data, count) =>
    [
      "import decodelib as dl",
      "",
      `lm = ${data.source}`,
      `strategy = ${data.strategy.replace(/num_return_sequences=\d+/, `num_return_sequences=${count}`)}`,
      `chosen = dl.generate(lm, ${JSON.stringify(data.prompt)}, strategy, ` +
        `max_new_tokens=${data.max_new_tokens}, seed=${data.seed})`,
      'print(f"{chosen.score:.4f} {chosen.text!r}")',
    ].join("\n");

  globalThis.DecodeExplorer.votes = /** @type {Votes} */ ({
    ALL,
    tally,
    branches,
    shown,
    answerOf,
    asCode,
  });
})();
