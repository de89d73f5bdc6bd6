"""Pages of the studies of questions and answers, by `pelt_core.study.answer_scores.AnswerScores`."""
