from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.spec import Folder, HubRepo, Named, parse_spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("dual-tower", Named("dual-tower")),
        ("hf:openai/clip-vit-base-patch32", HubRepo("openai/clip-vit-base-patch32")),
        ("hf:a/b@3d74acf", HubRepo("a/b", "3d74acf")),
        ("dir:/models/mine", Folder(Path("/models/mine").absolute())),
    ],
)
def test_the_three_forms(text: str, spec: object) -> None:
    assert parse_spec(text) == spec


@pytest.mark.parametrize(
    "text", ["", "dir:", "hf:", "hf:no-slash", "Has Space", "../x", "hf:a/../b"]
)
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec(text)
    assert caught.value.hint


@given(st.text())
def test_any_text_is_a_spec_that_prints_as_itself_or_an_input_error(text: str) -> None:
    try:
        spec = parse_spec(text)
    except InputError:
        return
    assert parse_spec(str(spec)) == spec
