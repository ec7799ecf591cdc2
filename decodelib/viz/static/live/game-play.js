// @ts-check
/* How a game in bits is played: a question with options, a bet on one of them, and what it cost beside
 * what a rival's bet cost. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, copyText } = globalThis.DecodeExplorer;
  const { Generator, games } = globalThis.DecodeEngine;
  const { model, parts } = live;

  const SEEDS = 100_000;

  /** @typedef {object} Round
   *  @property {Node[]} shown What the reader sees before betting.
   *  @property {string[]} options
   *  @property {number} answer
   *  @property {number[]} rival The rival's bet.
   *  @property {Node[]} told What is shown after the bet.
   *
   *  @typedef {object} Game
   *  @property {string} name Of the game in links.
   *  @property {string} title
   *  @property {string} question
   *  @property {string} rival
   *  @property {number} count How many rounds a game has.
   *  @property {string} why What the model is wanted for.
   *  @property {(data: any, generator: any) => Round[]} recorded
   *  @property {(data: any, generator: any) => Promise<Round | null>} fresh A round that the model makes. */

  /** The seed that the address names for a game, or null.
   *  @param {string} name */
  function linkedSeed(name) {
    const given = new URLSearchParams(location.hash.slice(1));
    const seed = given.get("seed") ?? "";
    return given.get("game") === name && /^\d{1,15}$/.test(seed) ? Number(seed) : null;
  }

  const anySeed = () => Math.floor(Math.random() * SEEDS);
  const inBits = (/** @type {number} */ x) => `${x.toFixed(2)} bits`;
  const mean = (/** @type {number[]} */ values) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;

  /** @param {Game} game
   *  @param {HTMLElement} stage
   *  @param {any} content */
  function play(game, stage, content) {
    let seed = linkedSeed(game.name) ?? anySeed();
    /** @type {any} */
    let generator;
    /** @type {Round[]} */
    let rounds = [];
    let isFresh = false; // whether the model makes the rounds, without an end
    /** @type {{yours: number, rival: number}[]} */
    let scores = [];

    const progress = element("p", { class: "live-note", "data-live-part": "game-progress" });
    const board = element("div", { class: "live-round" });
    const said = element("p", {
      class: "live-said",
      role: "status",
      "data-live-part": "game-said",
    });
    const after = element("div", {});
    stage.append(progress, board, said, after);
    const button = (
      /** @type {string} */ text,
      /** @type {() => void} */ onclick,
      /** @type {string} */ part,
      kind = "",
    ) => element("button", { type: "button", text, onclick, class: kind, "data-live-part": part });

    function begin() {
      generator = new Generator(BigInt(seed));
      rounds = game.recorded(content, generator).slice(0, game.count);
      isFresh = false;
      scores = [];
      ask(rounds[0]);
    }

    /** Put the next question, and the keys where it begins if the reader has already begun.
     *  @param {Round} round */
    function ask(round) {
      const { options, shown } = round;
      const number = scores.length + 1;
      progress.textContent = isFresh
        ? `Round ${number}, made by the model just now.`
        : `Round ${number} of ${game.count}, texts number ${seed}.`;
      said.textContent = "";
      after.replaceChildren();
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
      const question = element("legend", { text: game.question });
      const form = element(
        "form",
        {
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (chosen() >= 0)
              reveal(round, games.spread(chosen(), sure.valueAsNumber / 100, options.length));
          },
        },
        element("fieldset", { class: "live-options" }, question, ...radios),
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
      board.replaceChildren(text, form);
      if (scores.length) text.focus();
    }

    /** @param {Round} round
     *  @param {number[]} bet */
    function reveal(round, bet) {
      const { options, answer, rival, told } = round;
      const [yours, its] = [games.bits(bet[answer]), games.bits(rival[answer])];
      scores.push({ yours, rival: its });
      /** @type {NodeListOf<HTMLInputElement>} */
      const controls = board.querySelectorAll("input, button");
      for (const control of controls) control.disabled = true;
      for (const part of board.querySelectorAll(".live-field, .live-note, .live-go"))
        part.setAttribute("hidden", "");
      const right = bet[answer] === Math.max(...bet) ? "Right" : "No";
      said.textContent =
        `${right}: ${options[answer]}. You paid ${inBits(yours)}, ${game.rival} ${inBits(its)}. ` +
        `So far ${inBits(mean(scores.map((one) => one.yours)))} a round and ${inBits(mean(scores.map((one) => one.rival)))}.`;
      const percent = (/** @type {number} */ p) => `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)}%`;
      const table = parts.numbers(
        ["option", "you", game.rival],
        options.map((label, i) => [
          i === answer ? `${label} ✓` : label,
          percent(bet[i]),
          percent(rival[i]),
        ]),
      );
      const next =
        isFresh || scores.length < game.count
          ? button("Next", advance, "game-next", "live-go")
          : button("The result", finish, "game-next", "live-go");
      const enough = isFresh ? [button("Enough", finish, "game-enough")] : [];
      after.replaceChildren(
        ...told,
        table,
        element("div", { class: "dx-buttons" }, next, ...enough),
      );
      next.focus();
    }

    async function advance() {
      if (!isFresh) return ask(rounds[scores.length]);
      progress.textContent = "The model writes …";
      try {
        for (let tries = 0; tries < 20; tries++) {
          const round = await game.fresh(content, generator);
          if (round) return ask(round);
        }
        throw new Error("the model was asked for something else");
      } catch (error) {
        said.textContent = `No new round: ${/** @type {Error} */ (error).message}.`;
      }
    }

    /** What the rounds add up to. */
    function finish() {
      const yours = mean(scores.map((one) => one.yours));
      const its = mean(scores.map((one) => one.rival));
      const blind = Math.log2(rounds[0].options.length);
      progress.textContent = "";
      board.replaceChildren();
      const gap = Math.abs(yours - its);
      const verdict =
        gap < 0.05
          ? `You and ${game.rival} are even.`
          : yours < its
            ? `You know ${inBits(gap)} a round more than ${game.rival}.`
            : `${game.rival[0].toUpperCase()}${game.rival.slice(1)} knows ${inBits(gap)} a round more than you.`;
      said.textContent =
        `${scores.length} round${scores.length === 1 ? "" : "s"}: you paid ${inBits(yours)} a round, ${game.rival} ${inBits(its)}; ` +
        `who knows nothing pays ${inBits(blind)}. ${verdict}`;
      const address = element("code", {
        class: "dx-link",
        hidden: true,
        "data-live-part": "game-link",
      });
      const link = `${location.href.split("#")[0]}#game=${game.name}&seed=${seed}`;
      const copy = button(
        "Copy the link to these texts",
        () => {
          address.textContent = link;
          address.hidden = false;
          copyText(link, address, copy);
        },
        "game-copy",
      );
      const again = button(
        "Other texts",
        () => {
          seed = anySeed();
          begin();
        },
        "game-again",
        "live-go",
      );
      const more = button(
        "Rounds without end, by the model",
        () => {
          isFresh = true;
          generator = new Generator(BigInt(seed) + 1n);
          scores = [];
          advance();
        },
        "game-more",
      );
      const loader = parts.loader(game.why);
      const update = () => {
        more.disabled = model.state !== "ready";
      };
      model.onChange(update);
      update();
      after.replaceChildren(
        parts.numbers(
          ["round", "you", game.rival],
          scores.map(({ yours, rival }, i) => [i + 1, inBits(yours), inBits(rival)]),
        ),
        element("div", { class: "dx-buttons" }, again, copy, more),
        address,
        loader.node,
      );
      again.focus();
    }

    addEventListener("hashchange", () => {
      const given = linkedSeed(game.name);
      if (given === null) return;
      seed = given;
      begin();
      stage.scrollIntoView({ block: "center" });
    });
    begin();
    if (linkedSeed(game.name) !== null) stage.scrollIntoView({ block: "center" });
  }

  Object.assign(live, { playGame: play });
})();
