"""From an executed notebook to the page that is shared."""

import copy
import json
import re

import pytest
from nbformat import v4

from analysis_lib.errors import OutputError
from analysis_lib.reporting.publish import render_html, scrub_notebook
from analysis_lib.reporting.table import Table

SECRET = "/data/secret/hig"


def html_output(html, kind="execute_result"):
    return v4.new_output(kind, data={"text/html": html, "text/plain": "PLAIN"})


def executed():
    injected = v4.new_code_cell(f'# Parameters\nextract = "{SECRET}/extract"\ntrial = "hig"\n')
    injected.metadata.tags = ["injected-parameters"]
    injected.metadata.papermill = {"duration": 1}
    shown = v4.new_code_cell("SOURCE = report.effects()", execution_count=7)
    table = Table(caption="Table", header=("a", "b"), rows=(("x", "1"),))
    shown.outputs = [
        html_output(table._repr_html_()),
        v4.new_output("stream", name="stdout", text=f"wrote {SECRET}/x.csv\n"),
        v4.new_output("stream", name="stderr", text="WARNING from stderr"),
    ]
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Title\n\nSee [the paper](https://doi.org/10.1/x) and <https://x.org/>."),
            v4.new_markdown_cell("## Question\n\n*Why?*"),
            injected,
            shown,
        ]
    )
    notebook.metadata.papermill = {"parameters": {"extract": SECRET}, "input_path": f"{SECRET}/a.ipynb"}
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


def failed():
    notebook = executed()
    notebook.cells[-1].outputs = [
        v4.new_output(
            "error", ename="DataError", evalue=f"{SECRET}/persons.parquet: <missing>\x1b[0m",
            traceback=[f"\x1b[31mFile \x1b[32m{SECRET}/lib/x.py\x1b[0m:3", "in f()"],
        )
    ]  # fmt: skip
    banner = v4.new_markdown_cell("BANNER of the engine")
    banner.metadata.tags = ["papermill-error-cell-tag"]
    notebook.cells.insert(0, banner)
    return notebook


def render(notebook, **other):
    return render_html(notebook, **({"title": "Report", "language": "da", "footer": "Footer"} | other))


def test_the_page_shows_results_and_text_without_code():
    page = render(executed())
    assert "<table>" in page
    assert "<caption>Table</caption>" in page
    assert "<em>Why?</em>" in page
    assert "<p>Footer</p>" in page
    for absent in ("SOURCE", "In [", "Out[", "[7]", "PLAIN", "# Parameters", "WARNING", "papermill", SECRET, "<script"):
        assert absent not in page, absent
    assert "wrote x.csv" in page


def test_the_page_fetches_nothing_and_says_where_links_lead():
    page = render(executed())
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*(https?:)?//", page)
    assert "the paper (https://doi.org/10.1/x)" in page
    assert "and https://x.org/." in page


def test_headings_stand_under_the_title():
    page = render(executed())
    assert re.findall(r"<h(\d)[^>]*>(.*?)</h", page) == [("1", "Report"), ("2", "Title"), ("3", "Question")]
    repeated = render(executed(), title="Title")
    assert re.findall(r"<h(\d)[^>]*>(.*?)</h", repeated) == [("1", "Title"), ("2", "Question")]
    low = v4.new_notebook(cells=[v4.new_markdown_cell("### a\n\n##### b")])
    assert re.findall(r"<h(\d)[^>]*>(.*?)</h", render(low)) == [("1", "Report"), ("2", "a"), ("4", "b")]


def test_an_error_is_a_plain_box():
    page = render(failed())
    box = re.search(r'<div class="failure" role="alert">(.*?)</div>', page, re.DOTALL)[1]
    assert "Dette trin mislykkedes" in box
    assert "DataError: persons.parquet: &lt;missing&gt;</p>" in box
    for absent in ("in f()", "x.py", "BANNER", SECRET, "\x1b", "Traceback"):
        assert absent not in page, absent
    assert "This step failed" in render(failed(), language="en")


def test_pictures_are_kept_and_widgets_fall_back_to_text():
    notebook = v4.new_notebook(
        cells=[
            v4.new_code_cell(outputs=[v4.new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "FIGURE"})]),
            v4.new_code_cell(
                outputs=[
                    v4.new_output(
                        "display_data",
                        data={"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "a slider"},
                    ),
                    v4.new_output("display_data", data={"application/javascript": "alert(1)"}),
                ]
            ),
        ]
    )  # fmt: skip
    page = render(notebook)
    assert "data:image/png;base64,iVBORw0KGgo=" in page
    assert "FIGURE" not in page
    assert "a slider" in page
    assert "model_id" not in page
    assert "alert" not in page


def test_an_output_with_a_script_is_not_published():
    notebook = v4.new_notebook(cells=[v4.new_code_cell(outputs=[html_output("<script src='x.js'></script>")])])
    with pytest.raises(OutputError, match="<script>"):
        render(notebook)


def test_the_notebook_given_stays_as_it_is():
    for notebook in (executed(), failed()):
        before = copy.deepcopy(notebook)
        render(notebook)
        scrub_notebook(notebook)
        assert notebook == before


@pytest.mark.parametrize("notebook", [executed(), failed()])
def test_the_shared_notebook_has_no_paths_and_no_run_records(notebook):
    scrubbed = scrub_notebook(notebook)
    text = json.dumps(scrubbed, ensure_ascii=False)
    assert SECRET not in text
    assert '"papermill"' not in text
    assert scrubbed.metadata.kernelspec.name == "python3"
    source = next(cell.source for cell in scrubbed.cells if "extract =" in cell.source)
    assert source == '# Parameters\nextract = "extract"\ntrial = "hig"\n'
    assert [cell.cell_type for cell in scrubbed.cells] == [cell.cell_type for cell in notebook.cells]


def test_tracebacks_keep_their_colours_and_lose_their_paths():
    scrubbed = scrub_notebook(failed())
    (error,) = scrubbed.cells[-1].outputs
    assert error.evalue == "persons.parquet: <missing>\x1b[0m"
    assert error.traceback == ["\x1b[31mFile \x1b[32mx.py\x1b[0m:3", "in f()"]


def test_the_same_notebook_is_the_same_page():
    notebook = executed()
    assert render(notebook) == render(notebook)
