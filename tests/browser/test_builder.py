"""The builder of models: by keyboard alone, by mouse, as JSON; its errors, its undoing, its templates and blocks."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import look, violations
from tests.deck import Deck, wait_for

KERAS = Path(__file__).parents[1] / "keras" / "models"
MOST_STOPS = 90  # of the Tab key on the way to anything


@pytest.fixture(scope="module")
def digits(running: Deck) -> str:
    """The id of a dataset of small pictures that is ready."""
    body = {"name": "digits", "source": {"type": "builtin", "name": "digits"}}
    found = running.post("/datasets", body)["id"]
    wait_for(lambda: running.get(f"/datasets/{found}")["status"] == "ready")
    return str(found)


def rows(page: Page) -> Locator:
    return page.get_by_role("option").filter(has=page.locator("strong")).and_(page.locator(".build-row"))


def types(page: Page) -> list[str]:
    return page.locator(".build-row strong").all_inner_texts()


def tab_to(page: Page, name: str, *, key: str = "Tab") -> None:
    """Press Tab until what has the focus is called `name`."""
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        focused = page.locator("*:focus")
        if focused.count() and name in (focused.get_attribute("aria-label") or "", _label(page)):
            return
    raise AssertionError(f"Tab does not come to {name!r}")


def _label(page: Page) -> str:
    return str(
        page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim().split('\\n')[0]"
        )
    )


def add(page: Page, words: str) -> None:
    """Find a layer and add it below the selected one; from wherever the focus is but in a field."""
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def test_a_residual_network_is_built_by_keyboard_alone(page: Page, running: Deck, digits: str) -> None:
    page.goto(f"{running.url}/models/new")
    tab_to(page, "Dataset")
    page.keyboard.type("digits")
    expect(page.locator("#data-bar")).to_contain_text("fed 1 × 8 × 8 · asked for one of several classes")
    expect(page.locator("#data-bar")).to_contain_text("loss cross_entropy · measured by accuracy")
    tab_to(page, "Find a layer")
    page.keyboard.type("conv2d")
    page.keyboard.press("Enter")
    for words in ("batch norm", "relu", "conv2d", "add", "relu", "global avg", "dense"):
        add(page, words)
    expected = ["conv2d", "batch_norm", "relu", "conv2d", "add", "relu", "global_avg_pool", "linear"]
    assert types(page) == expected
    # The sum takes from the two before it: that is the residual connection.
    expect(rows(page).nth(4)).to_contain_text("inputs=2+3")
    expect(rows(page).nth(4)).to_contain_text("16 × 8 × 8")
    expect(rows(page).nth(7)).to_contain_text("the model ends with 64 outputs, but 'label' has 10 classes")
    page.keyboard.press("Enter")  # to the settings of the last layer
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("10")
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.keyboard.press("Escape")

    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("8")
    wrong = rows(page).nth(4)
    expect(wrong).to_contain_text("8×8×8")
    expect(wrong).to_have_attribute("data-bad", "")
    # It is told there, once: above there is the way to it, at the setting a mark.
    expect(page.locator("#state")).to_have_text("1 mistake at its layer")
    told = wrong.locator(".build-error").inner_text()
    seen = "found => found.filter(one => one.offsetWidth > 1).length"
    assert page.get_by_text(told).evaluate_all(seen) == 1
    # What comes before keeps its shape, and nothing is claimed of what follows.
    expect(rows(page).nth(3)).to_contain_text("8 × 8 × 8")
    expect(rows(page).nth(5)).not_to_contain_text("×")
    page.keyboard.press("Escape")
    page.keyboard.press("ControlOrMeta+z")
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.keyboard.press("ControlOrMeta+Shift+z")
    expect(wrong).to_have_attribute("data-bad", "")
    page.keyboard.press("Enter")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("16")
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.keyboard.press("Escape")

    tab_to(page, "Train", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs/[^/]+$"))
    found = running.wait_until_ended(page.url.rpartition("/")[2])
    assert found["status"] == "succeeded", found["error"]
    assert [layer["type"] for layer in found["spec"]["model"]["layers"]] == expected
    assert found["spec"]["model"]["layers"][4]["inputs"] == ["2", "3"]


def test_layers_are_moved_copied_and_removed_by_mouse(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/models/new")
    page.get_by_label("Input shape").fill("4")
    for name in ("linear", "relu"):
        page.locator("#palette").get_by_role("button", name=name, exact=True).click()
    assert types(page) == ["linear", "relu"]
    page.locator("#palette").get_by_role("button", name="gelu", exact=True).drag_to(rows(page).first)
    assert sorted(types(page)) == ["gelu", "linear", "relu"]
    first = types(page)[0]
    rows(page).first.drag_to(rows(page).last, target_position={"x": 20, "y": 22})
    assert types(page)[-1] == first
    rows(page).filter(has_text="relu").click()
    page.get_by_role("button", name="Duplicate").click()
    assert types(page).count("relu") == 2
    page.get_by_role("button", name="Move up").click()
    page.get_by_role("button", name="Remove").click()
    assert types(page).count("relu") == 1
    for _ in range(6):
        page.get_by_role("button", name="Undo").click()
    assert types(page) == ["linear"]
    expect(rows(page).first).to_contain_text("320 parameters")
    look(page, "builder")


def test_what_is_written_as_json_stands_in_the_list_and_the_other_way_round(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/models/new")
    page.get_by_label("Input shape").fill("3, 8, 8")
    page.get_by_role("tab", name="JSON").click()
    area = page.get_by_label("The model as JSON")
    model = {"layers": [{"type": "flatten"}, {"type": "linear", "out_features": 5, "name": "head"}]}
    area.fill(json.dumps(model))
    expect(page.locator("#state")).to_have_text("Everything fits.")
    area.fill('{"layers": [')
    expect(page.locator("#json-error")).not_to_be_empty()
    area.fill(json.dumps(model))
    page.get_by_role("tab", name="Layers").click()
    expect(rows(page).nth(1)).to_contain_text("965 parameters")
    rows(page).nth(1).click()
    page.get_by_label("out features").fill("7")
    page.get_by_role("tab", name="JSON").click()
    written = json.loads(area.input_value())
    assert written["layers"][1] == {"type": "linear", "out_features": 7, "name": "head"}


def test_a_template_is_taken_and_its_block_changed(page: Page, running: Deck, digits: str) -> None:
    page.goto(f"{running.url}/models/new?dataset={digits}")
    page.locator("#panel-layers [data-template=resnet]").click()
    expect(page.locator("#state")).to_have_text("Everything fits.")
    assert page.locator("#panel-layers [data-template=lstm]").is_disabled()
    page.locator("#scope-bar").get_by_role("button", name="residual").click()
    assert types(page) == ["conv2d", "batch_norm", "relu", "conv2d", "batch_norm", "add", "relu"]
    expect(rows(page).first).to_contain_text("16 × 8 × 8")
    rows(page).nth(2).click()
    page.keyboard.press("Delete")
    page.keyboard.press("/")
    page.keyboard.type("silu")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Everything fits.")
    rows(page).first.click()
    page.get_by_label("out channels").fill("5")
    page.locator("#scope-bar").get_by_role("button", name="Model").click()
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator("#panel-graph svg")).to_contain_text("residual")
    look(page, "builder-graph")


def test_a_model_is_kept_and_goes_to_a_run_and_back(page: Page, running: Deck, digits: str) -> None:
    page.goto(f"{running.url}/models/new?dataset={digits}")
    page.locator("#panel-layers [data-template=lenet]").click()
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.get_by_label("Name of the model").fill("small pictures")
    page.get_by_role("button", name="Set up a run").click()
    page.wait_for_url("**/runs/new?begun=1")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    assert page.locator("#name").input_value() == "small pictures on digits"
    page.get_by_role("button", name="Open in the builder").click()
    page.wait_for_url("**/models/new?begun=1")
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/models/[^/?]+$"))
    kept = running.get(f"/models/{page.url.rpartition('/')[2]}")
    assert kept["name"] == "small pictures"
    assert kept["definition"]["layers"][0]["type"] == "conv2d"


def test_a_model_of_keras_is_read(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/models/new")
    page.get_by_role("tab", name="Begin with").click()
    page.get_by_text("From Keras").click()
    written = json.loads((KERAS / "lenet.json").read_bytes())
    area = page.get_by_label("What model.to_json() of a Keras Sequential gives")
    area.fill('{"class_name": "Functional"}')
    page.get_by_role("button", name="Read the model").click()
    expect(page.locator(".keras-notes")).to_contain_text("Sequential")
    area.fill(json.dumps(written["model"]))
    page.get_by_role("button", name="Read the model").click()
    expect(page.locator("#state")).to_have_text("Everything fits.")
    assert "conv2d" in types(page)


def test_the_form_of_a_run_offers_the_templates_that_fit(page: Page, running: Deck, digits: str) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.post_data or "") if one.url.endswith("/templates") else None)
    page.goto(f"{running.url}/runs/new?dataset={digits}")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    expect(page.locator(".layer-type").first).to_have_text("conv2d")
    offered = page.locator("#model-step .row").first
    expect(offered.get_by_role("button", name="Transformer encoder")).to_have_count(0)
    offered.get_by_role("button", name="ResNet").click()
    expect(page.locator("#model-step")).to_contain_text("residual")
    target = page.get_by_label("Target: what is to be predicted")
    target.select_option("pixel5")  # no picture is left: another model follows
    expect(page.locator(".layer-type").first).to_have_text("linear")
    target.select_option("label")
    expect(page.locator("#model-step")).to_contain_text("residual")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    assert len(asked) == len(set(asked)), "the same is asked once"


def selected(page: Page) -> list[int]:
    found = page.locator(".build-row").evaluate_all("rows => rows.map(row => row.getAttribute('aria-selected'))")
    return [i for i, is_selected in enumerate(found) if is_selected == "true"]


def test_several_layers_are_selected_changed_together_and_made_a_block(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/models/new")
    page.get_by_label("Input shape").fill("4")
    for words in ("dense", "relu", "dropout", "tanh"):
        page.locator("body").press("Escape")
        page.get_by_label("Find a layer").fill(words)
        page.keyboard.press("Enter")
    rows(page).nth(1).click()
    page.keyboard.press("Shift+ArrowDown")
    assert selected(page) == [1, 2]
    expect(page.locator("#inspector")).to_contain_text("Layers 1 to 2 are selected")
    page.keyboard.press("Alt+ArrowDown")
    assert types(page) == ["linear", "tanh", "relu", "dropout"]
    assert selected(page) == [2, 3]
    page.keyboard.press("ControlOrMeta+d")
    assert types(page) == ["linear", "tanh", "relu", "dropout", "relu", "dropout"]
    assert selected(page) == [4, 5]
    page.keyboard.press("Delete")
    assert types(page) == ["linear", "tanh", "relu", "dropout"]
    rows(page).nth(3).click()
    rows(page).nth(1).click(modifiers=["Shift"])
    assert selected(page) == [1, 2, 3]
    look(page, "builder-selection")
    page.keyboard.press("ControlOrMeta+g")
    assert types(page) == ["tanh", "relu", "dropout"]  # the block is open
    page.locator("#scope-bar").get_by_role("button", name="Model").click()
    assert types(page) == ["linear", "block"]
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.keyboard.press("ControlOrMeta+z")
    assert types(page) == ["linear", "tanh", "relu", "dropout"]


@pytest.mark.parametrize("width", [390, 1100])
def test_where_there_is_no_room_the_settings_open_over_the_page_and_leave_their_layer_in_sight(
    page: Page, running: Deck, digits: str, width: int
) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{running.url}/models/new?dataset={digits}")
    page.locator("#panel-layers [data-template=vgg]").click()
    expect(page.locator("#state")).to_have_text("Everything fits.")
    page.set_viewport_size({"width": width, "height": 800})
    settings, last = page.locator("#inspector"), rows(page).last
    expect(settings).to_be_hidden()
    last.click()
    expect(settings).to_be_in_viewport()
    expect(settings.get_by_label("out features")).to_have_value("10")
    row, box = last.bounding_box(), settings.bounding_box()
    assert row and box and row["y"] >= 0 and row["y"] + row["height"] <= box["y"]
    assert violations(page) == []
    settings.get_by_role("button", name="Close the settings").click()
    expect(settings).to_be_hidden()
    expect(last).to_be_focused()
    page.keyboard.press("Enter")
    expect(settings.get_by_label("out features")).to_be_focused()
    page.keyboard.press("Escape")
    expect(settings).to_be_hidden()
    expect(last).to_be_focused()
