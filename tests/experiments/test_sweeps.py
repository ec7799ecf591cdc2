"""A sweep's results depend on its arguments alone: not on executor, order or interruption."""

import json
import math
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest
import torch

import decodelib as dl
from decodelib.experiments import sweeps as module
from decodelib.experiments.sweeps import Setting, Task, Text, processes, run, sweep
from tests.helpers.outcomes import assert_same_outcomes

SETTINGS = [
    Setting("greedy", None, dl.Greedy(), deterministic=True),
    Setting("top-p", 0.9, dl.Sampling(dl.TopP(0.9))),
    Setting("top-p", 0.5, dl.Sampling(dl.TopP(0.5))),
]
PROMPTS = ["Once upon a time", "The old man"]
GIVEN = {
    "model": "storybook",
    "device": "cpu",
    "dtype": "float64",
    "repeats": 2,
    "num_tokens": 5,
    "progress": False,
}


class Inline(Executor):
    """Runs at once, in this thread; counts, and fails where it is told to."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.count, self.fail_at = 0, fail_at

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        if self.count == self.fail_at:
            future.set_exception(MemoryError("no room"))
        else:
            future.set_result(fn(*args, **kwargs))
        self.count += 1
        return future


@pytest.fixture(scope="module")
def expected():
    return sweep(SETTINGS, PROMPTS, Inline(), **GIVEN)


def test_an_outcome_has_a_text_of_full_length_for_every_prompt_and_repeat(expected):
    assert [outcome.setting for outcome in expected] == SETTINGS
    for outcome in expected:
        assert [len(texts) for texts in outcome.texts] == [2, 2]
        assert all(len(t.token_ids) == 5 for texts in outcome.texts for t in texts)


def test_texts_are_those_of_generate_with_their_seeds(expected):
    lm = dl.load("storybook", device="cpu", dtype="float64")
    # Seeds 0 and 1 are the first round of the two prompts, 2 and 3 the second.
    alone = dl.generate(
        lm, PROMPTS[1], SETTINGS[1].strategy, seed=3, max_new_tokens=5, min_new_tokens=5
    )
    text = expected[1].texts[1][1]
    assert text.token_ids == alone.token_ids
    assert text.text == alone.text
    assert text.nats == pytest.approx(-sum(alone.logprobs))


def test_texts_do_not_end_before_their_length(monkeypatch):
    eager = dl.TableLM({"": {"go": 0.1, "<eos>": 0.9}})
    monkeypatch.setattr(module, "_model", lambda *names: eager)
    (text,) = run(Task("eager", "cpu", "auto", dl.Sampling(), ("go",), (0,), 6))
    assert text.text == " go" * 6
    assert text.nats == pytest.approx(-6 * math.log(0.1))


def test_a_deterministic_setting_is_run_once_and_counted_in_full(expected):
    executor = Inline()
    assert_same_outcomes(sweep(SETTINGS, PROMPTS, executor, **GIVEN), expected)
    assert executor.count == 1 + 2 + 2
    for first, second in expected[0].texts:
        assert first == second


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, processes])
def test_every_executor_gives_the_same(pool, expected):
    with pool(2) as executor:
        assert_same_outcomes(sweep(SETTINGS, PROMPTS, executor, **GIVEN), expected)


def test_the_order_in_which_tasks_end_does_not_matter(monkeypatch, expected):
    monkeypatch.setattr(module, "as_completed", lambda futures: reversed(list(futures)))
    assert_same_outcomes(sweep(SETTINGS, PROMPTS, Inline(), **GIVEN), expected)


def test_a_failed_sweep_keeps_what_is_finished_and_goes_on_from_there(tmp_path, expected):
    keep = tmp_path / "folder" / "kept.jsonl"
    with pytest.raises(RuntimeError, match=r"with 4 of 5 tasks finished, kept in .* no room") as e:
        sweep(SETTINGS, PROMPTS, Inline(fail_at=3), keep=keep, **GIVEN)
    assert "\n" not in str(e.value)
    executor = Inline()
    assert_same_outcomes(sweep(SETTINGS, PROMPTS, executor, keep=keep, **GIVEN), expected)
    assert executor.count == 1
    assert_same_outcomes(sweep(SETTINGS, PROMPTS, Inline(fail_at=0), keep=keep, **GIVEN), expected)


def test_without_a_file_a_failure_says_that_nothing_was_kept():
    with pytest.raises(RuntimeError, match="4 of 5 tasks finished, lost for want of a keep file"):
        sweep(SETTINGS, PROMPTS, Inline(fail_at=3), **GIVEN)


def test_a_line_that_was_not_written_whole_is_run_again(tmp_path, expected):
    keep = tmp_path / "kept.jsonl"
    sweep(SETTINGS, PROMPTS, Inline(), keep=keep, **GIVEN)
    content = keep.read_text(encoding="utf-8")
    keep.write_text(content[: len(content) - 40], encoding="utf-8")
    executor = Inline()
    assert_same_outcomes(sweep(SETTINGS, PROMPTS, executor, keep=keep, **GIVEN), expected)
    assert executor.count == 1
    keys = [json.loads(line)["task"] for line in keep.read_text(encoding="utf-8").splitlines()]
    assert len(keys) == len(set(keys)) == 5


def test_what_was_kept_for_another_sweep_is_not_taken_for_this_one(tmp_path):
    keep = tmp_path / "kept.jsonl"
    sweep(SETTINGS, PROMPTS, Inline(), keep=keep, **GIVEN)
    for change in ({"num_tokens": 4}, {"seed": 50}, {"dtype": "float32"}):
        executor = Inline()
        sweep(SETTINGS, PROMPTS, executor, keep=keep, **{**GIVEN, **change})
        assert executor.count == 5
    with pytest.raises(RuntimeError, match="with 4 of 5 tasks finished"):
        sweep(SETTINGS, PROMPTS, Inline(fail_at=0), keep=keep, **{**GIVEN, "seed": 99})


def test_the_key_of_a_task_names_all_that_it_depends_on():
    task = Task("storybook", "cpu", "float64", dl.Sampling(dl.TopP(0.9)), ("a",), (0,), 5)
    assert task.key == Task(**vars(task)).key
    others = {
        "model": "gpt2",
        "device": "cuda",
        "dtype": "float32",
        "strategy": dl.Sampling(dl.TopP(0.91)),
        "prompts": ("b",),
        "seeds": (1,),
        "num_tokens": 6,
    }
    keys = {Task(**{**vars(task), name: value}).key for name, value in others.items()}
    assert len(keys | {task.key}) == 1 + len(others) == 1 + len(vars(task))


def die(task: Task) -> list[Text]:
    """Run a task as the operating system's out-of-memory killer lets it."""
    import os
    import signal

    if task.strategy == dl.Greedy():
        return run(task)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_killed_process_is_named_and_the_rest_is_kept(tmp_path, monkeypatch, expected):
    keep = tmp_path / "kept.jsonl"
    with processes(1) as executor, monkeypatch.context() as patch:
        patch.setattr(module, "run", die)
        with pytest.raises(RuntimeError, match=r"1 of 5 tasks .* kept in .*BrokenProcessPool"):
            sweep(SETTINGS, PROMPTS, executor, keep=keep, **GIVEN)
    assert_same_outcomes(sweep(SETTINGS, PROMPTS, Inline(), keep=keep, **GIVEN), expected)


def test_processes_are_started_afresh_with_one_thread_each():
    with processes(1) as executor:
        # A fork would have this module too.
        here = f"{__name__!r} in __import__('sys').modules"
        assert eval(here)
        assert not executor.submit(eval, here).result()
        assert executor.submit(torch.get_num_threads).result() == 1
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        processes(0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"settings": []}, ValueError, "settings must hold at least one, got none"),
        ({"prompts": []}, ValueError, "prompts must hold at least one, got none"),
        ({"prompts": "Once"}, TypeError, "prompts must be a list, got 'Once'"),
        ({"prompts": ["a", "a"]}, ValueError, "prompts must all be different, got one twice"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1, got 0"),
        ({"num_tokens": 0}, ValueError, "num_tokens must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"model": "nothing"}, ValueError, "name must be one of"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(change, error, message):
    given = {"settings": SETTINGS, "prompts": PROMPTS, "executor": Inline(fail_at=0), **GIVEN}
    with pytest.raises(error, match=message):
        sweep(**{**given, **change})
