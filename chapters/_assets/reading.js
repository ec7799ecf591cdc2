// @ts-check
/* What this browser remembers of its reader: chapters read, exercises and quizzes solved. Nothing leaves it,
   and one button forgets it, with the predictions that the explorers remember. */
(() => {
  /** @typedef {{ key: string, first: Array<number | null>, right: number, of: number }} Quiz
   *  @typedef {{ read: boolean, seen: string[], solved: number[], quiz: Quiz | null }} Kept */

  const PREFIX = "decodelib:reading:";
  const SECONDS = 5; // in sight, for a section to be read
  const SHARE = 2 / 3; // of the sections, for a chapter to be read
  const stem = (/** @type {string} */ path) => (path.split("/").pop() ?? "").replace(/\.html$/, "");
  const here = stem(location.pathname);

  /* A browser may refuse its store: blocked, full, or on no origin. Then nothing is remembered. */
  /** @template T
   *  @param {(store: Storage) => T} action
   *  @returns {T | undefined} */
  const attempt = (action) => {
    try {
      return action(localStorage);
    } catch {
      return undefined;
    }
  };
  /** @type {() => Kept} */
  const nothing = () => ({ read: false, seen: [], solved: [], quiz: null });
  /** @type {(page: string) => Kept} */
  const recall = (page) => {
    const kept = attempt((store) => JSON.parse(store.getItem(PREFIX + page) ?? "null"));
    return { ...nothing(), ...(kept ?? {}) };
  };
  let mine = recall(here);
  const remember = () => {
    attempt((store) => store.setItem(PREFIX + here, JSON.stringify(mine)));
    showMarks();
  };
  const rememberedPages = () =>
    attempt((store) => Object.keys(store).filter((key) => key.startsWith(PREFIX))) ?? [];

  /** @template {keyof HTMLElementTagNameMap} Tag
   *  @param {Tag} tag
   *  @param {Partial<HTMLElementTagNameMap[Tag]>} properties
   *  @param {Array<Node | string>} children
   *  @returns {HTMLElementTagNameMap[Tag]} */
  function element(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  /* A quiz is a list of questions whose choices are disclosures. What is opened first counts. */
  /** @param {HTMLElement} quiz */
  function startQuiz(quiz) {
    const key = quiz.dataset.quiz ?? "";
    const questions = [...quiz.querySelectorAll("ol > li")].map((li) => [
      ...li.querySelectorAll("details"),
    ]);
    const isRight = (/** @type {number} */ question, /** @type {number | null} */ choice) =>
      choice !== null && questions[question][choice].classList.contains("quiz-right");
    const score = element("p", { className: "quiz-score" });
    score.setAttribute("role", "status");
    const again = element("button", {
      type: "button",
      className: "book-button",
      textContent: "Start again",
    });
    quiz.append(score, again, answers(questions));
    if (mine.quiz?.key !== key) mine.quiz = null;
    const first = () => mine.quiz?.first ?? questions.map(() => null);

    function show() {
      const answered = first().filter((choice) => choice !== null).length;
      const right = first().filter((choice, question) => isRight(question, choice)).length;
      score.textContent = answered
        ? `${right} of ${questions.length} right at the first try${answered < questions.length ? " so far" : ""}.`
        : "";
      again.hidden = !answered;
    }
    questions.forEach((choices, question) => {
      choices.forEach((details, choice) => {
        details.open = first()[question] === choice;
        details.addEventListener("toggle", () => {
          if (!details.open || first()[question] !== null) return;
          const chosen = [...first()];
          chosen[question] = choice;
          const right = chosen.filter((c, q) => isRight(q, c)).length;
          mine.quiz = { key, first: chosen, right, of: questions.length };
          remember();
          show();
        });
      });
    });
    const clear = () => {
      for (const details of questions.flat()) details.open = false;
      mine.quiz = null;
    };
    again.addEventListener("click", () => {
      clear();
      remember();
      show();
      questions[0][0].querySelector("summary")?.focus();
    });
    show();
    return () => {
      clear();
      show();
    };
  }

  /* For paper, where nothing opens. */
  /** @param {HTMLDetailsElement[][]} questions */
  function answers(questions) {
    const list = element("ol", {});
    for (const choices of questions) {
      const right = choices.find((details) => details.classList.contains("quiz-right"));
      if (!right) continue;
      const said = (/** @type {string} */ selector) =>
        right.querySelector(selector)?.textContent ?? "";
      const reply = said("p").replace(/^Right\. /, "");
      list.append(
        element("li", {}, element("strong", { textContent: said("summary") }), `: ${reply}`),
      );
    }
    return element(
      "div",
      { className: "quiz-answers" },
      element("p", { textContent: "Answers" }),
      list,
    );
  }

  /* A box to tick under each exercise: what runs in a notebook, a page cannot see. */
  function startExercises() {
    const boxes = [...document.querySelectorAll("div.cell.tag_exercise")].map((cell, index) => {
      const box = element("input", { type: "checkbox", checked: mine.solved.includes(index) });
      box.addEventListener("change", () => {
        mine.solved = boxes.flatMap((other, i) => (other.checked ? [i] : []));
        remember();
      });
      cell.after(element("label", { className: "exercise-mark" }, box, " Solved"));
      return box;
    });
    return () => {
      for (const box of boxes) box.checked = false;
    };
  }

  /* A chapter is read when its summary and most of its other sections have been read: each of them in sight for
     some seconds of a page that is not hidden, in one sitting or in several. A jump to the end reads one section. */
  function watchSections() {
    const sections = [...document.querySelectorAll("article.bd-article > section > section[id]")];
    const others = sections.map(({ id }) => id).filter((id) => id !== "summary");
    if (sections.length === others.length) return () => {}; // a page that is no chapter
    /** @type {Set<string>} */
    const inSight = new Set();
    /** @type {Map<string, number>} */
    const seconds = new Map();
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries)
          inSight[isIntersecting ? "add" : "delete"](target.id);
      },
      { rootMargin: "-15% 0px" }, // what only shows at an edge of the window is not read
    );
    for (const section of sections) observer.observe(section);
    setInterval(() => {
      if (document.hidden || mine.read) return;
      for (const id of inSight) {
        seconds.set(id, (seconds.get(id) ?? 0) + 1);
        if (seconds.get(id) !== SECONDS || mine.seen.includes(id)) continue;
        mine.seen.push(id);
        const read = others.filter((other) => mine.seen.includes(other)).length;
        mine.read = mine.seen.includes("summary") && read >= SHARE * others.length;
        remember();
      }
    }, 1000);
    return () => seconds.clear();
  }

  /* Beside the chapters in the sidebar, and in the first page's table. */
  function showMarks() {
    for (const old of document.querySelectorAll(".reading-mark")) old.remove();
    /** @type {NodeListOf<HTMLAnchorElement>} */
    const links = document.querySelectorAll(
      "nav.bd-links a.internal, .bd-article table a.internal",
    );
    for (const link of links) {
      const page = link.getAttribute("href") === "#" ? here : stem(link.pathname);
      const kept = page === here ? mine : recall(page);
      const solved = [];
      if (kept.read) solved.push("read");
      if (kept.quiz) solved.push(`quiz ${kept.quiz.right} of ${kept.quiz.of}`);
      if (kept.solved.length) solved.push(`${kept.solved.length} solved`);
      if (!solved.length || !/^\d\d_/.test(page)) continue;
      link.append(
        element("span", {
          className: "reading-mark",
          textContent: `${kept.read ? "\u2713 " : ""}${solved.join(", ")}`,
        }),
      );
    }
    forgetLine.hidden = rememberedPages().length === 0;
  }

  const forgetButton = element("button", {
    type: "button",
    className: "book-button",
    textContent: "Forget what I have read and solved",
  });
  const forgetLine = element("p", { className: "reading-forget", hidden: true }, forgetButton);

  addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector("article.bd-article");
    if (!article) return;
    /** @type {NodeListOf<HTMLElement>} */
    const quizzes = document.querySelectorAll(".quiz[data-quiz]");
    const resets = [...quizzes].map(startQuiz);
    resets.push(startExercises(), watchSections());
    document.querySelector("nav.bd-links")?.append(forgetLine);
    forgetButton.addEventListener("click", () => {
      for (const key of rememberedPages()) attempt((store) => store.removeItem(key));
      globalThis.DecodeExplorer?.memory?.forgetAll();
      mine = nothing();
      for (const reset of resets) reset();
      showMarks();
    });
    showMarks();
  });
})();
