"""A text in Markdown becomes pages, and the theory sheet is complete."""

import io
import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from keras_vae.errors import InputError
from keras_vae.report import write_sheet
from keras_vae.report.sheets import sheet_content

DOCS = Path(__file__).resolve().parents[2] / "docs"
THEORY = (DOCS / "theory.md").read_text()
STATEMENT = re.compile(r"\*\*\([a-d]\)[^*]*\*\*\n\n((?:- .*\n(?:  .*\n)*)+)", re.MULTILINE)


def answers() -> list[list[str]]:
    """The items below each statement, each in its lines."""
    return [re.split(r"^- ", answer, flags=re.MULTILINE)[1:] for answer in STATEMENT.findall(THEORY)]


def test_words_keep_their_style_and_links_their_address():
    text = "# Title\n\nA *word* and `code`\nin a [link](https://a.org/b).\n\n- **one** [file](../a.py)\n- two\n"
    content = sheet_content(text)
    assert content["title"] == "Title"
    heading, paragraph, one, two = content["blocks"]
    assert (heading["kind"], heading["level"]) == ("heading", 1)
    assert [(span["text"], span["style"], span["link"]) for span in paragraph["spans"]] == [
        ("A ", "plain", None), ("word", "emphasis", None), (" and ", "plain", None), ("code", "code", None),
        (" ", "plain", None), ("in a ", "plain", None), ("link", "plain", "https://a.org/b"),
        ("", "plain", None), (".", "plain", None),
    ]  # fmt: skip
    assert (one["kind"], one["followed"], two["followed"]) == ("item", True, False)
    assert "".join(span["text"] for span in one["spans"]) == "one file (a.py)"


@pytest.mark.parametrize(
    ("name", "text", "message"), [("empty.md", " \n\n", "no text to be set"), ("a.pdf", "# A\n", "lost to its own PDF")]
)
def test_a_sheet_that_could_not_be_written_leaves_the_file_as_it_is(name, text, message, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        write_sheet(path)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {name: text}


@pytest.mark.parametrize("text", ["| a |\n| - |\n| b |\n", "![a](b.png)\n", "```\na\n```\n"])
def test_what_a_sheet_cannot_show_is_refused(text):
    with pytest.raises(InputError, match="A sheet shows"):
        sheet_content(text)


def test_the_pdf_has_all_words_even_those_that_mean_something_to_the_typesetter(tmp_path):
    path = tmp_path / "text.md"
    path.write_text("# A # title\n\nPay $5 at #home, [or] < not @once \\\\ _here_.\n")
    text = PdfReader(io.BytesIO(write_sheet(path).read_bytes())).pages[0].extract_text()
    assert "Pay $5 at #home, [or] < not @once" in " ".join(text.split())


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no"):
        write_sheet(tmp_path / "none.md")


def test_the_theory_sheet_answers_twenty_statements_with_yes_or_no():
    found = answers()
    assert len(found) == 20
    for items in found:
        assert re.match(r"\*\*(Yes|No)\.\*\* ", items[0])
        assert len(items[0].strip().splitlines()) <= 2
        assert max(map(len, items[0].splitlines())) <= 120
        assert items[1].startswith("*Source:* ")


def test_its_sources_are_in_its_literature():
    literature = THEORY[THEORY.index("## Literature") :]
    for items in answers():
        for author, year in re.findall(r"([A-Z]\w+)(?: et al\.| & \w+)? (\d{4})", items[1]):
            assert re.search(rf"^- {author}\b.*\b{year}\b", literature, re.MULTILINE), (author, year)


def test_statements_on_vaes_lead_to_code_that_is_there():
    links = re.findall(r"\[`(?:\w+\.)?(\w+)`\]\((\S+?)\)", THEORY)
    assert len(links) >= 6
    for name, target in links:
        assert re.search(rf"def {name}\(", (DOCS / target).read_text())


def test_the_theory_sheet_of_the_repository_is_that_of_its_text():
    pages = PdfReader(io.BytesIO((DOCS / "theory.pdf").read_bytes())).pages
    text = re.sub(r"[\s\-\u00ad]", "", "".join(page.extract_text() for page in pages))
    for block in sheet_content(THEORY)["blocks"]:
        words = "".join(span["text"] for span in block["spans"])
        assert re.sub(r"[\s\-\u00ad]", "", words) in text
