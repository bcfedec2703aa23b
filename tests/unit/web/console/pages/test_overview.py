"""The front page when nothing answers."""

from starlette.testclient import TestClient as Browser


def test_with_broker_and_database_away_the_page_says_which_part_is_blind(operator: Browser) -> None:
    answer = operator.get("/")
    assert answer.status_code == 200
    assert "The broker does not answer" in answer.text
    assert "The database cannot be used" in answer.text
    assert "Cannot be seen now: queues and workers" in answer.text
    assert len(answer.content) < 100_000


def test_a_person_chooses_language_and_theme(operator: Browser) -> None:
    operator.post("/preferences", data={"language": "ru", "next": "/actions"})
    operator.post("/preferences", data={"theme": "dark", "next": "/actions"})
    page = operator.get("/actions").text
    assert 'lang="ru" data-theme="dark"' in page
    assert "Действия" in page
