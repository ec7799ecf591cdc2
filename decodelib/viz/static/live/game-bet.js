// @ts-check
/* A game of bets: a question with options, a bet on one of them, and what it cost beside what a rival's cost. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { games } = globalThis.DecodeEngine;
  const { parts } = live;

  /** @typedef {object} Round
   *  @property {Node[]} shown What the reader sees before betting.
   *  @property {string[]} options
   *  @property {number} answer
   *  @property {number[]} rival The rival's bet.
   *  @property {Node[]} told What is shown after the bet.
   *
   *  @typedef {{yours: number, rival: number, options: number}} Result What was paid, in bits.
   *  @typedef {{question: string, rival: string}} Game */

  const inBits = (/** @type {number} */ x) => `${x.toFixed(2)} bits`;
  const mean = (/** @type {number[]} */ values) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;

  /** @param {Game} game
   *  @param {Round} round
   *  @param {any} desk */
  function pose(game, round, desk) {
    const { options, shown } = round;
    const group = parts.freshId();
    const radios = options.map((label, i) =>
      element(
        "label",
        { class: "live-option" },
        element("input", { type: "radio", name: group, value: i, onchange: update }),
        element("span", { text: label }),
      ),
    );
    const least = Math.ceil(100 / options.length);
    const sure = element("input", {
      type: "range",
      min: least,
      max: 99,
      step: 1,
      value: 50,
      "data-live-part": "game-sure",
      oninput: update,
    });
    const stake = element("p", { class: "live-note", "data-live-part": "game-stake" });
    const commit = element("button", {
      type: "submit",
      class: "live-go",
      text: "Bet",
      disabled: true,
    });
    const form = element(
      "form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          if (chosen() < 0) return;
          const bet = games.spread(chosen(), sure.valueAsNumber / 100, options.length);
          reveal(game, round, desk, bet);
        },
      },
      element(
        "fieldset",
        { class: "live-options" },
        element("legend", { text: game.question }),
        ...radios,
      ),
      parts.field("How sure are you?", sure),
      stake,
      commit,
    );
    const chosen = () => radios.findIndex((label) => label.querySelector("input")?.checked);
    function update() {
      const p = sure.valueAsNumber / 100;
      const other = (1 - p) / (options.length - 1);
      sure.setAttribute("aria-valuetext", `${sure.value} percent`);
      stake.textContent =
        `${sure.value} percent: costs ${inBits(games.bits(p))} if you are right, ` +
        `${inBits(games.bits(other))} if you are wrong.`;
      commit.disabled = chosen() < 0;
    }
    update();
    const text = element("div", { class: "live-shown", tabindex: "-1" }, ...shown);
    desk.board.replaceChildren(text, form);
  }

  /** @param {Game} game
   *  @param {Round} round
   *  @param {any} desk
   *  @param {number[]} bet */
  function reveal(game, { options, answer, rival, told }, { board, results, end }, bet) {
    /** @type {Result} */
    const result = {
      yours: games.bits(bet[answer]),
      rival: games.bits(rival[answer]),
      options: options.length,
    };
    /** @type {NodeListOf<HTMLInputElement>} */
    const controls = board.querySelectorAll("input, button");
    for (const control of controls) control.disabled = true;
    for (const part of board.querySelectorAll(".live-field, .live-note, .live-go"))
      part.setAttribute("hidden", "");
    const right = bet[answer] === Math.max(...bet) ? "Right" : "No";
    const { yours, its } = means([...results, result]);
    const percent = (/** @type {number} */ p) => `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)}%`;
    const table = parts.numbers(
      ["option", "you", game.rival],
      options.map((label, i) => [
        i === answer ? `${label} ✓` : label,
        percent(bet[i]),
        percent(rival[i]),
      ]),
    );
    end(
      result,
      `${right}: ${options[answer]}. You paid ${inBits(result.yours)}, ${game.rival} ${inBits(result.rival)}. ` +
        `So far ${inBits(yours)} a round and ${inBits(its)}.`,
      [...told, table],
    );
  }

  const means = (/** @type {Result[]} */ results) => ({
    yours: mean(results.map((one) => one.yours)),
    its: mean(results.map((one) => one.rival)),
  });

  /** @param {Game} game
   *  @param {Result[]} results */
  function sum({ rival }, results) {
    const { yours, its } = means(results);
    const gap = Math.abs(yours - its);
    const verdict =
      gap < 0.05
        ? `You and ${rival} are even.`
        : yours < its
          ? `You know ${inBits(gap)} a round more than ${rival}.`
          : `${rival[0].toUpperCase()}${rival.slice(1)} knows ${inBits(gap)} a round more than you.`;
    return {
      said:
        `${results.length} round${results.length === 1 ? "" : "s"}: you paid ${inBits(yours)} a round, ${rival} ${inBits(its)}; ` +
        `who knows nothing pays ${inBits(Math.log2(results[0].options))}. ${verdict}`,
      columns: ["round", "you", rival],
      rows: results.map((one, i) => [i + 1, inBits(one.yours), inBits(one.rival)]),
    };
  }

  /** A game of bets on a page.
   *  @param {any} game With a question and the rival's name. */
  live.betting = (game) =>
    live.game({
      ...game,
      pose: (/** @type {Round} */ round, /** @type {any} */ desk) => pose(game, round, desk),
      sum: (/** @type {Result[]} */ results) => sum(game, results),
    });
})();
