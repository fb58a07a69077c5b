"""docs/how-to/llm-stream.md with the real OpenAI client, which the quick suite does without."""

import openai

import documents

PAGE = documents.ROOT / "docs" / "how-to" / "llm-stream.md"


def test_the_page_runs_with_the_client_that_it_shows(tmp_path):
    source, _ = documents.program(PAGE.read_text())
    source += "\n\ndef test_the_client_is_the_real_one():\n"
    source += f"    assert type(client).__module__ == {openai.OpenAI.__module__!r}\n"
    done = documents.run(source, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
