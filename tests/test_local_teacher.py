from pathlib import Path

import pytest

from pelt_core import local_teacher
from pelt_core.backbones import load_tokenizer
from pelt_core.data.teachers import Question
from pelt_core.data.teachers.store import Store
from pelt_core.local_teacher import LocalTeacher

QUESTIONS = [Question(f"q{n}", "How many cats? " + "Many. " * n, "number", "3") for n in range(5)]


def teacher(folder: Path, **settings) -> LocalTeacher:
    return LocalTeacher("tiny-llama", Store(folder / "kept.sqlite"), max_tokens=6, batch_size=2, **settings)


def test_each_attempt_gives_another_text_for_each_question(tmp_path):
    model = teacher(tmp_path)
    first, second = model.write(QUESTIONS, 0), model.write(QUESTIONS, 1)
    assert len(first) == len(second) == 5
    assert first != second
    assert teacher(tmp_path / "new").write(QUESTIONS, 0) == first
    assert teacher(tmp_path / "new", seed=1).write(QUESTIONS, 0) != first


def test_a_stopped_build_goes_on_where_it_was(tmp_path, monkeypatch):
    expected = teacher(tmp_path / "whole").write(QUESTIONS, 0)
    sampled, work = [], local_teacher.sample

    def stops_after_one_batch(model, tokenizer, prompts, seeds, **settings):
        if sampled:
            raise KeyboardInterrupt
        sampled.extend(seeds)
        return work(model, tokenizer, prompts, seeds, **settings)

    monkeypatch.setattr(local_teacher, "sample", stops_after_one_batch)
    with pytest.raises(KeyboardInterrupt):
        teacher(tmp_path).write(QUESTIONS, 0)
    assert sampled == ["0/0/q4", "0/0/q3"]

    def the_rest(model, tokenizer, prompts, seeds, **settings):
        sampled.extend(seeds)
        return work(model, tokenizer, prompts, seeds, **settings)

    monkeypatch.setattr(local_teacher, "sample", the_rest)
    assert teacher(tmp_path).write(QUESTIONS, 0) == expected
    assert sorted(sampled) == [f"0/0/q{n}" for n in range(5)]


def test_a_model_with_a_chat_template_is_asked_in_it(tmp_path, monkeypatch):
    model = teacher(tmp_path)
    assert "### Instruction:\nHow many cats?" in model._prompt(QUESTIONS[0])
    tokenizer = load_tokenizer("tiny-llama")
    tokenizer.chat_template = "{{ bos_token }}<u>{{ messages[0]['content'] }}</u>"
    monkeypatch.setattr(local_teacher, "load_tokenizer", lambda name: tokenizer)
    asked = teacher(tmp_path)._prompt(QUESTIONS[0])
    assert asked.endswith("<number>.</u>")
    assert local_teacher.prompt_ids(tokenizer, asked).count(tokenizer.bos_token_id) == 1


def test_the_report_has_the_settings(tmp_path):
    report = teacher(tmp_path).report()
    assert {**report, "attempts": 4, "dtype": "bfloat16", "teacher": "local"} == report
