// @ts-check
/* The vote explorer: the texts of one prompt as one tree, and how often each answer is among them. */
(() => {
  const { element, showToken, parts, votes } = globalThis.DecodeExplorer;
  const { ALL, tally, branches, shown, asCode } = votes;

  const KEY =
    "Each line is a stretch of text, with the number of texts that go through it; what they go on " +
    "with is indented below it. At its end stands the answer that is read out of a text.";

  /** @param {Page<VoteData>} page */
  function create(page) {
    const { data, get, hidden } = page;
    const counted = () => data.texts.slice(0, hidden() ? 1 : get("texts"));
    const below = [element("p", { class: "dx-prompt", text: data.prompt })];
    const answer = () => ({ value: data.predict?.answer, text: String(data.predict?.answer) });
    const scene = { page, counted };
    const views = [
      parts.header({ page, source: () => `${data.texts.length} texts`, below }),
      parts.prediction({
        page,
        answer,
        depends: ["texts"],
        next: "Now count fewer texts: from how many on does it lead?",
      }),
      controls(page),
      bars(scene),
      picker(page),
      tree(scene),
      parts.note(KEY),
      parts.table({
        summary: "The votes as a table",
        columns: ["answer", "votes", "share of all texts"],
        rows: () =>
          hidden()
            ? []
            : tally(counted()).map(([said, count]) => [said, count, share(count, counted())]),
      }),
      parts.sharing({ model: page.model, code: () => asCode(data, get("texts")) }),
    ];
    return { views };
  }

  /** @type {(count: number, all: VoteText[]) => string} */
  const share = (count, all) => (count / all.length).toFixed(2);

  /** How many texts are counted.
   * @param {Page<VoteData>} page */
  function controls({ data, get, set, hidden, announce }) {
    const most = data.texts.length;
    const knob = parts.knob({
      name: "texts",
      label: "Texts counted",
      min: 1,
      max: most,
      integer: true,
      scale: parts.linear(1, most, 1),
      get: () => get("texts"),
      set: (texts) => {
        set({ texts });
        const [first] = tally(data.texts.slice(0, texts));
        announce(
          first ? `Of ${texts} texts, ${first[1]} say ${first[0]}.` : "No text has an answer.",
        );
      },
      valueText: (value) => `${value} of ${most}`,
    });
    const reset = parts.button("Reset", () => set(data.initial), { class: "dx-reset" });
    return {
      node: element("div", { class: "dx-votes-controls" }, knob.node, reset),
      update() {
        knob.update({ disabled: hidden() });
      },
    };
  }

  /** A bar for each answer, in the order in which they lead.
   * @param {VoteScene} scene */
  function bars({ page, counted }) {
    const list = element("ol", { class: "dx-votes", "aria-label": "Votes", "data-dx": "votes" });
    return {
      node: list,
      update() {
        const texts = counted();
        const found = page.hidden() ? [] : tally(texts);
        const none = texts.filter((text) => text.answer === null).length;
        const rows = found.map(([said, count]) => bar(said, count, texts, false));
        if (none && !page.hidden()) rows.push(bar("no answer", none, texts, true));
        list.hidden = page.hidden();
        list.replaceChildren(...rows);
      },
    };
  }

  /** @type {(said: string, count: number, texts: VoteText[], quiet: boolean) => HTMLElement} */
  function bar(said, count, texts, quiet) {
    const length = element("span", { class: "dx-bar" });
    length.style.width = `${((100 * count) / texts.length).toFixed(2)}%`;
    return element(
      "li",
      { class: quiet ? "dx-vote dx-quiet" : "dx-vote" },
      element("span", { class: "dx-vote-answer", text: said }),
      element("span", { class: "dx-rail", "aria-hidden": "true" }, length),
      element("b", { text: String(count) }),
      element("span", { class: "dx-vote-share", text: share(count, texts) }),
    );
  }

  /** Whose texts are shown.
   * @param {Page<VoteData>} page */
  function picker({ data, get, set, hidden, announce }) {
    const answers = tally(data.texts).map(([said]) => said);
    const view = parts.choice({
      legend: "Show",
      options: [
        { value: ALL, label: "all texts" },
        ...answers.map((said) => ({ value: said, label: `those that say ${said}` })),
      ],
      get: () => get("picked"),
      set: (picked) => {
        set({ picked });
        announce(picked === ALL ? "All texts." : `Only texts that say ${picked}.`);
      },
    });
    view.node.dataset.dx = "picked";
    return {
      node: view.node,
      update() {
        view.node.hidden = hidden();
        view.update();
      },
    };
  }

  /** @param {VoteScene} scene */
  function tree({ page, counted }) {
    const list = element("ul", { class: "dx-tree", "data-dx": "tree" });
    return {
      node: element(
        "div",
        { class: "dx-tree-box", tabindex: "0", role: "group", "aria-label": "Texts" },
        list,
      ),
      update() {
        const texts = page.hidden()
          ? counted()
          : shown(page.data.texts, page.get("texts"), page.get("picked"));
        list.replaceChildren(...branches(texts).map((one) => line(one, page.hidden())));
      },
    };
  }

  /** @type {(one: VoteBranch, isHidden: boolean) => HTMLElement} */
  function line({ tokens, texts, branches: onward }, isHidden) {
    const isLeaf = !onward.length;
    const said = texts[0].answer ?? "no answer";
    return element(
      "li",
      {},
      element(
        "p",
        { class: isLeaf ? "dx-stretch" : "dx-stretch dx-shared" },
        element("span", { class: "dx-count", text: `${texts.length}×` }),
        " ",
        element("span", { class: "dx-stretch-text", text: tokens.map(showEnd).join("") }),
        ...(isLeaf && !isHidden ? [" ", element("span", { class: "dx-badge", text: said })] : []),
      ),
      ...(isLeaf ? [] : [element("ul", {}, ...onward.map((next) => line(next, isHidden)))]),
    );
  }

  /** @param {string} token */
  const showEnd = (token) => (/^\s*<.*>$/.test(token) ? " ■" : token.replace(/\n/g, showToken));

  parts.explorer("votes", ["texts", "picked"], create);
})();
