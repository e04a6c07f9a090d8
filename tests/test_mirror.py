"""Tests stand where their modules do: `functions/dropcut/core/gate.py` is tested by `functions/core/test_gate.py`."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dropcut_cli.clone.places import REPOSITORY

TESTS = REPOSITORY / "tests"
MIRRORED = {
    "functions/dropcut": "functions",
    "infra/src/dropcut_cdk": "infra",
    "infra": "infra",
    "cli/src/dropcut_cli": "cli",
    "stand_in": "stand_in",
    "local": "local",
    "tools": "tools",
    "bench": "bench",
}
"""By folder of modules, the folder of their tests below `tests/`."""
OF_THE_WHOLE = ("end_to_end", "model", "resilience", "simulation")
"""Folders whose tests are about many modules together. So are the files beside this one."""
OF_NO_MODULE = {
    "cli/test_bad_input.py": "gives each verb what is wrong, and stops it at any moment",
    "examples/test_page.py": "loads the function of an example",
    "functions/adapters/test_sandbox.py": "attacks the process with each of its layers",
    "functions/adapters/test_webhook_recipe.py": "tries what docs/webhooks.md says",
    "functions/core/formats/test_readers.py": "gives damaged bytes to all readers of headers",
    "functions/entries/test_handlers.py": "runs the functions one after the other",
    "infra/test_recipes.py": "synthesizes what docs/recipes.md says",
    "infra/test_templates.py": "looks at the templates as a whole",
    "local/test_whole_way.py": "runs `make demo`, `make up` and `make down`",
}
"""Files of tests that mirror no module, with what they do instead."""
TESTED_BY: Mapping[str, tuple[str, ...]] = {
    "test_makefile.py": ("local/__main__", "tools/__main__", "cli/account/__main__"),
    "cli/clone/test_programs.py": ("cli/clone/leash",),
    "cli/clone/test_surroundings.py": ("cli/clone/places",),
    "cli/test_backfill.py": ("cli/backfill_photos",),
    "cli/test_failures.py": ("cli/failed_photos",),
    "cli/test_forget.py": ("cli/kept",),
    "cli/test_program.py": ("cli/__main__", "cli/deployment", "cli/exits", "cli/options", "cli/output"),
    "cli/test_put.py": ("cli/ends", "cli/uploads"),
    "cli/test_status.py": ("cli/photo",),
    "end_to_end/test_command.py": ("cli/subscription",),
    "functions/core/formats/test_icc_profile.py": ("functions/core/formats/stated_colour",),
    "functions/core/formats/test_readers.py": ("functions/core/formats/png_rows",),
    "functions/core/formats/test_tiff_kind.py": ("functions/core/formats/tiff_tags",),
    "functions/entries/test_handlers.py": (
        "functions/entries/cut",
        "functions/entries/deliver",
        "functions/entries/gatekeeper",
        "functions/entries/prepare",
        "functions/imaging_stage",
    ),
    "functions/imaging/test_decode.py": ("functions/imaging/unusual_formats", "functions/core/picture_limits"),
    "functions/imaging/test_make_rendition.py": ("functions/imaging/encode",),
    "functions/imaging/test_quality.py": ("functions/imaging/samples",),
    "functions/imaging/test_stated.py": ("functions/imaging/colour", "functions/imaging/light"),
    "functions/imaging/test_tiff.py": ("functions/imaging/tiff_view",),
    "functions/test_message_batch.py": ("functions/core/message_result",),
    "functions/use_cases/test_deliver.py": ("functions/use_cases/announcement", "functions/use_cases/holding"),
    "functions/use_cases/test_prepare.py": ("functions/use_cases/intake",),
    "functions/use_cases/test_review.py": ("functions/use_cases/held_files",),
    "infra/test_dropcut.py": (
        "infra/api_key",
        "infra/cutout_requests",
        "infra/deployment",
        "infra/event_schemas",
        "infra/input",
        "infra/props",
        "infra/provider",
        "infra/routes",
        "infra/trial",
    ),
    "infra/test_monitoring.py": ("infra/dashboard",),
    "infra/test_packages.py": ("infra/source_backend/setuptools/build_meta",),
    "infra/test_pipeline.py": (
        "infra/confined_function",
        "infra/cut",
        "infra/deliver",
        "infra/feeder",
        "infra/gatekeeper",
        "infra/permissions",
        "infra/prepare",
        "infra/queues",
    ),
    "infra/test_artifact.py": ("infra/sources",),
    "infra/test_settings.py": ("infra/kinds", "infra/sizes"),
    "local/test_demo.py": ("local/drop",),
    "local/test_embedded_aws.py": ("local/embedded_aws_server",),
    "local/test_up.py": ("local/down", "local/places"),
    "resilience/test_feeder_at_every_step.py": ("functions/adapters/own_rule", "functions/entries/feeder"),
    "stand_in/test_control.py": ("stand_in/calls", "stand_in/stand_in"),
    "stand_in/test_faults.py": ("stand_in/errors", "stand_in/twists"),
    "stand_in/test_profiles.py": ("stand_in/replies",),
    "stand_in/test_service.py": ("stand_in/server", "stand_in/validation"),
    "tools/test_events.py": ("tools/event_examples", "functions/core/events", "functions/core/event_names"),
}
"""By file of tests, the modules without a file of their own that it tries."""
NOTHING_TO_TRY = (
    *("functions/core/item_kinds", "functions/core/job_status", "functions/core/ports", "functions/core/sandbox_probe"),
    "functions/core/units",
)
"""They hold names and types. Of `bench/`, whose programs measure, only what is easily wrong unseen is tested."""


def _modules() -> dict[str, Path]:
    """By name as in the tables above, such as `cli/gate`, the modules of one of our packages; the nearest folder's."""
    found: dict[str, Path] = {}
    for folder, tests in MIRRORED.items():
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            is_of_another = folder == "infra" and file.is_relative_to(REPOSITORY / "infra" / "src")
            if file.name != "__init__.py" and not is_of_another:
                found.setdefault(f"{tests}/{file.relative_to(REPOSITORY / folder).with_suffix('')}", file)
    return found


def _test_of(module: str) -> str:
    """Where a module's own test is: `cli/test_gate.py` of `cli/gate`, `stand_in/test_main.py` of its `__main__`."""
    folder, _, name = module.rpartition("/")
    return f"{folder}/test_{name.strip('_')}.py"


MODULES = _modules()
FILES = {str(file.relative_to(TESTS)) for file in TESTS.rglob("test_*.py")}
OWN_TESTS = {_test_of(module): module for module in MODULES}


def test_every_file_of_tests_mirrors_a_module() -> None:
    mirroring = {file for file in FILES if "/" in file and not file.startswith(OF_THE_WHOLE)}
    assert sorted(mirroring - OWN_TESTS.keys()) == sorted(OF_NO_MODULE)


def test_every_module_has_a_test_or_is_named_with_the_one_that_tries_it() -> None:
    named = [module for modules in TESTED_BY.values() for module in modules] + list(NOTHING_TO_TRY)
    without = {module for module in MODULES if _test_of(module) not in FILES and not module.startswith("bench/")}
    assert sorted(without) == sorted(named)
    assert sorted(TESTED_BY.keys() - FILES) == []


@pytest.mark.parametrize("file", sorted(TESTS.rglob("test_*.py")), ids=lambda file: str(file.relative_to(TESTS)))
def test_no_name_of_a_test_is_over_80_characters(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [name for name in names if re.match(r"test_.{76}", name)] == []
