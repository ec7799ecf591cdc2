// @ts-check
/* A recorded beam search, replayed with any length penalty and stopping rule: the arithmetic of
 * decodelib's BeamSearch. */
(() => {
  const { showToken } = globalThis.DecodeExplorer;

  /** The nodes of one recorded width, by step and best first, and greedy's path among them.
   * @type {Beams["unpack"]} */
  function unpack({ num_beams: width, greedy, nodes: packed }) {
    /** @type {BeamNode[]} */
    const nodes = packed.map(([, length, token, logprob, total, fate], index) => ({
      parent: null,
      length,
      token,
      logprob,
      total,
      fate,
      row: 0,
      children: [],
      greedy: greedy.includes(index),
    }));
    /** @type {BeamNode[][]} */
    const steps = [];
    for (const [index, node] of nodes.entries()) {
      const [parent] = packed[index];
      if (parent !== null) {
        node.parent = nodes[parent];
        node.parent.children.push(node);
      }
      steps[node.length - 1] ||= [];
      node.row = steps[node.length - 1].push(node) - 1;
    }
    return { width, nodes, steps };
  }

  /** @type {Beams["score"]} */
  const score = (node, lengthPenalty) => node.total / node.length ** lengthPenalty;

  /** What the search holds after `until` steps: the step it stopped after (null: it is still
   * running) and its finished hypotheses, best first.
   * @type {Beams["replay"]} */
  function replay({ width, steps }, { lengthPenalty, earlyStopping, maxNewTokens, until }) {
    /** @type {BeamNode[]} */
    let finished = [];
    for (let length = 1; length <= until; length++) {
      const step = steps[length - 1] ?? [];
      finished = [...finished, ...step.filter(({ fate }) => fate === "finished")]
        .sort((a, b) => score(b, lengthPenalty) - score(a, lengthPenalty))
        .slice(0, width);
      const best = step.find(({ fate }) => fate === "kept");
      if (!best || isDecided(best)) return { stop: length, finished };
    }
    return { stop: null, finished };

    /** @param {BeamNode} best */
    function isDecided(best) {
      if (finished.length < width) return false;
      if (earlyStopping === true || width === 1) return true;
      const length = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : best.length;
      return (
        best.total / length ** lengthPenalty <= score(finished[finished.length - 1], lengthPenalty)
      );
    }
  }

  /** @type {Beams["pathOf"]} */
  const pathOf = (node) => (node ? [...pathOf(node.parent), node] : []);
  /** @type {Beams["textOf"]} */
  const textOf = (node) =>
    pathOf(node)
      .map(({ token }) => token)
      .join("");

  // ---- in words ------------------------------------------------------------------------------------

  /** @type {Beams["digits"]} */
  const digits = (x) => x.toFixed(3).replace("-", "−");
  const showP = (/** @type {number} */ x) => (x >= 0.001 ? x.toFixed(3) : x.toExponential(1));

  /** Whether the search has stopped before it comes to a node.
   * @type {Beams["isLate"]} */
  const isLate = (node, { stop }) => stop !== null && node.length > stop;

  /** Everything about a candidate.
   * @type {Beams["story"]} */
  function story(node, { now, end, lengthPenalty }) {
    const facts = [
      `${showToken(textOf(node))}: p = ${showP(Math.exp(node.logprob))} for the last token`,
      `sum of ln p ${digits(node.total)}`,
      `${node.fate} at step ${node.length}`,
    ];
    if (node.fate === "finished") facts.push(`score ${digits(score(node, lengthPenalty))}`);
    if (node.greedy) facts.push("on greedy's path");
    if (node === now.finished[0]) facts.push("the best finished");
    if (isLate(node, end)) facts.push("the search has stopped before it");
    return `${facts.join(", ")}.`;
  }

  /** What has become of greedy's path after so many steps.
   * @type {Beams["greedyStory"]} */
  function greedyStory(tree, now, shown) {
    const leaf = tree.nodes.findLast((node) => node.greedy);
    if (leaf && now.stop !== null && leaf.length > now.stop) return "unfinished";
    if (!leaf || leaf.length > shown || leaf.fate === "kept") return "in the beam";
    return leaf.fate === "pruned" ? `pruned at step ${leaf.length}` : "finished";
  }

  globalThis.DecodeExplorer.beams = /** @type {Beams} */ ({
    unpack,
    replay,
    score,
    pathOf,
    textOf,
    digits,
    isLate,
    story,
    greedyStory,
  });
})();
