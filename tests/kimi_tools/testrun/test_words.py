"""Reading the command lines with which projects start their tests."""

import pytest

from kimi_tools.testrun import words


@pytest.mark.parametrize(
    ("command", "runner", "own"),
    [
        ("pytest -q tests", "pytest", ["pytest", "-q", "tests"]),
        ("uv run --no-sync python -m pytest", "pytest", ["python", "-m", "pytest"]),
        ("cross-env NODE_ENV=test jest --config x.js", "jest", ["jest", "--config", "x.js"]),
        ("npm run lint && nyc mocha 'test/**/*.js'", "mocha", ["mocha", "test/**/*.js"]),
        ("node --test --import tsx test/", "node", ["node", "--test", "--import", "tsx", "test/"]),
        ("vitest", "vitest", ["vitest"]),
        ("go test ./...", "go", ["go", "test", "./..."]),
        ("./mvnw -q test", "maven", ["./mvnw", "-q", "test"]),
        ("python manage.py test shop", "django", ["manage.py", "test", "shop"]),
        ("vendor/bin/phpunit --testdox", "phpunit", ["vendor/bin/phpunit", "--testdox"]),
        ("bundle exec rspec", "rspec", ["rspec"]),
    ],
)
def test_the_runner_in_a_command_is_recognised(command: str, runner: str, own: list[str]) -> None:
    read = words.parse(command)
    assert read is not None
    assert read.runner == runner
    assert list(read.argv[read.start :]) == own


@pytest.mark.parametrize(
    "command", ["make check", "python manage.py migrate", "grunt test", "pytest | tee log", "echo 'open", ""]
)
def test_a_command_without_a_known_runner_or_with_a_pipe_is_none(command: str) -> None:
    assert words.parse(command) is None


def test_assignments_before_the_command_become_its_environment() -> None:
    read = words.parse("A=1 cross-env B='two words' jest")
    assert read is not None
    assert read.environment == {"A": "1", "B": "two words"}
