/* What this browser remembers of its reader: chapters read, exercises and quizzes solved. Nothing leaves it,
   and one button forgets it, with the predictions that the explorers remember. */
(() => {
  const PREFIX = "decodelib:reading:";
  const stem = (/** @type {string} */ path) => path.split("/").pop().replace(/\.html$/, "");
  const here = stem(location.pathname);

  /* A browser may refuse its store: blocked, full, or on no origin. Then nothing is remembered. */
  const attempt = (action) => {
    try {
      return action(localStorage);
    } catch {
      return undefined;
    }
  };
  const nothing = () => ({ read: false, solved: [], quiz: null });
  const recall = (page) => {
    const kept = attempt((store) => JSON.parse(store.getItem(PREFIX + page)));
    return { ...nothing(), ...(kept ?? {}) };
  };
  let mine = recall(here);
  const remember = () => {
    attempt((store) => store.setItem(PREFIX + here, JSON.stringify(mine)));
    showMarks();
  };
  const rememberedPages = () =>
    attempt((store) => Object.keys(store).filter((key) => key.startsWith(PREFIX))) ?? [];

  function element(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  /* A quiz is a list of questions whose choices are disclosures. What is opened first counts. */
  function startQuiz(quiz) {
    const key = quiz.dataset.quiz;
    const questions = [...quiz.querySelectorAll("ol > li")].map((li) => [...li.querySelectorAll("details")]);
    const isRight = (question, choice) => questions[question][choice].classList.contains("quiz-right");
    const score = element("p", { className: "quiz-score" });
    score.setAttribute("role", "status");
    const again = element("button", { type: "button", className: "book-button", textContent: "Start again" });
    quiz.append(score, again, answers(questions));
    if (mine.quiz?.key !== key) mine.quiz = null;
    const first = () => mine.quiz?.first ?? questions.map(() => null);

    function show() {
      const answered = first().filter((choice) => choice !== null).length;
      const right = first().filter((choice, question) => choice !== null && isRight(question, choice)).length;
      score.textContent = answered ? `${right} of ${questions.length} right at the first try${answered < questions.length ? " so far" : ""}.` : "";
      again.hidden = !answered;
    }
    questions.forEach((choices, question) => {
      choices.forEach((details, choice) => {
        details.open = first()[question] === choice;
        details.addEventListener("toggle", () => {
          if (!details.open || first()[question] !== null) return;
          const chosen = [...first()];
          chosen[question] = choice;
          const right = chosen.filter((c, q) => c !== null && isRight(q, c)).length;
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
      questions[0][0].querySelector("summary").focus();
    });
    show();
    return () => {
      clear();
      show();
    };
  }

  /* For paper, where nothing opens. */
  function answers(questions) {
    const list = element("ol", {});
    for (const choices of questions) {
      const right = choices.find((details) => details.classList.contains("quiz-right"));
      if (!right) continue;
      const reply = right.querySelector("p").textContent.replace(/^Right\. /, "");
      list.append(element("li", {}, element("strong", { textContent: right.querySelector("summary").textContent }), `: ${reply}`));
    }
    return element("div", { className: "quiz-answers" }, element("p", { textContent: "Answers" }), list);
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

  /* A chapter is read when its summary has been in sight. */
  function watchSummary() {
    const summary = document.getElementById("summary");
    if (!summary) return;
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      mine.read = true;
      remember();
    }).observe(summary.querySelector("h2") ?? summary);
  }

  /* Beside the chapters in the sidebar, and in the first page's table. */
  function showMarks() {
    for (const old of document.querySelectorAll(".reading-mark")) old.remove();
    const links = "nav.bd-links a.internal, .bd-article table a.internal";
    for (const link of document.querySelectorAll(links)) {
      const page = link.getAttribute("href") === "#" ? here : stem(link.pathname);
      const kept = page === here ? mine : recall(page);
      const solved = [];
      if (kept.read) solved.push("read");
      if (kept.quiz) solved.push(`quiz ${kept.quiz.right} of ${kept.quiz.of}`);
      if (kept.solved.length) solved.push(`${kept.solved.length} solved`);
      if (!solved.length || !/^\d\d_/.test(page)) continue;
      link.append(element("span", { className: "reading-mark", textContent: `${kept.read ? "\u2713 " : ""}${solved.join(", ")}` }));
    }
    forgetLine.hidden = rememberedPages().length === 0;
  }

  const forgetButton = element("button", { type: "button", className: "book-button", textContent: "Forget what I have read and solved" });
  const forgetLine = element("p", { className: "reading-forget", hidden: true }, forgetButton);

  addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector("article.bd-article");
    if (!article) return;
    const resets = [...document.querySelectorAll(".quiz[data-quiz]")].map(startQuiz);
    resets.push(startExercises());
    document.querySelector("nav.bd-links")?.append(forgetLine);
    forgetButton.addEventListener("click", () => {
      for (const key of rememberedPages()) attempt((store) => store.removeItem(key));
      globalThis.DecodeExplorer?.memory?.forgetAll();
      mine = nothing();
      for (const reset of resets) reset();
      showMarks();
    });
    showMarks();
    watchSummary();
  });
})();
