"""The release that the reference names for a setting."""

from pydantic import BaseModel
from settings_page import FILES
from since import EARLIER, RELEASES, release_of

from ftlab.config.experiment import ExperimentConfig
from ftlab.config.section import models_in
from ftlab.config.sections.infomin_section import InfoMinSection
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.trial import TrialConfig, method_sections


def schemas() -> dict[str, type[BaseModel]]:
    """Return each schema of a trial and of files by its name."""
    sections = [model for field in TrialConfig.model_fields.values() for model in models_in(field.annotation)]
    models = [*sections, *method_sections().values(), *(model for group in FILES.values() for model in group)]
    return {model.__name__: model for model in models}


def test_a_field_came_with_the_first_release_that_lists_it() -> None:
    assert release_of(MoCoSection, "temperature") == "0.1.0"
    assert release_of(MoCoSection, "symmetric") != "0.1.0"
    assert release_of(InfoMinSection, "temperature") != "0.1.0"
    assert release_of(ExperimentConfig, "baseline") == "0.1.0"


def test_what_earlier_releases_brought_is_there() -> None:
    known = schemas()
    for release, listed in EARLIER.items():
        for schema, fields in listed.items():
            assert set(fields.split()) <= known[schema].model_fields.keys(), (release, schema)


def test_every_earlier_release_has_a_list() -> None:
    newest = {
        name: " ".join(field for field in model.model_fields if release_of(model, field) not in EARLIER)
        for name, model in schemas().items()
    }
    brought = {name: fields for name, fields in newest.items() if fields}
    assert list(EARLIER) == RELEASES[:0:-1], f"docs/generate/since.py lacks a release, perhaps with {brought}"
