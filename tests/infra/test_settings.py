"""Settings: what is allowed, what is refused and how it is said."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from dropcut.core.pace import HORIZON_SECONDS
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL, READY_MADE, read_renditions
from dropcut.environment import SECONDS_AROUND_IMAGING, longest_call_seconds

from dropcut_cdk.sizes import (
    LONGEST_IMAGING_SECONDS,
    MOST_MEGAPIXELS,
    SECONDS_FOR_ANOTHER_RENDITION,
    ImagingSize,
    decoder_mib,
    size_of_cut,
    size_of_deliver,
    size_of_prepare,
)
from infra.settings import (
    Settings,
    SettingsError,
)

GOOD = [
    ("stage", "dev-2", "dev-2"),
    ("provider", "stability", "stability"),
    ("api_base_url", "https://proxy.example.com/api/", "https://proxy.example.com/api"),
    ("api_base_url", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ("api_base_url", "http://localhost:8080", "http://localhost:8080"),
    ("api_base_url", "http://[::1]:8080", "http://[::1]:8080"),
    ("rate_limit_requests", "100", 100),
    ("rate_limit_requests", 100, 100),
    ("rate_limit_seconds", "0.5", 0.5),
    ("lockout_seconds", "0", 0.0),
    ("credits_per_image", "2.5", 2.5),
    ("daily_credit_limit", "1000", 1000.0),
    ("alarm_credits_per_hour", "0.5", 0.5),
    ("output_format", "webp", "webp"),
    ("renditions", "", ()),
    ("renditions", "[]", ()),
    ("renditions", '["full", "amazon_main"]', (READY_MADE["full"], READY_MADE["amazon_main"])),
    ("renditions", [{"name": "a", "longest_side": 600}], (Rendition(name="a", longest_side=600),)),
    (
        "renditions",
        '[{"name": "a", "shadow": {"blur_percent": 5}}]',
        (Rendition(name="a", shadow={"blur_percent": 5}),),
    ),
    ("colour_profile", "srgb", "srgb"),
    ("input_prefix", "photos/new ones/", "photos/new ones/"),
    ("input_prefix", "", ""),
    ("alarm_email", "ops+dropcut@example.co.uk", "ops+dropcut@example.co.uk"),
    ("alarm_email", "", ""),
    ("webhook_url", "", ""),
    ("webhook_url", "https://shop.example/hook?token=1", "https://shop.example/hook?token=1"),
    ("webhook_events", "cutout.failed,spending.paused", ("cutout.failed", "spending.paused")),
    ("webhook_events", ["cutout.delivered"], ("cutout.delivered",)),
    ("event_schemas", "true", True),
    ("max_concurrency", "1000", 1000),
    ("api_timeout_seconds", "1", 1.0),
    ("max_attempts", "1", 1),
    ("max_possibly_paid", "1", 1),
    ("pause_after_failures", "2", 2),
    ("pause_after_possibly_paid", "1", 1),
    ("client_id", "our shop", "our shop"),
    ("client_id", "", ""),
    ("client_id", "a" * 256, "a" * 256),
    ("client_version", "3.1", "3.1"),
    ("client_version", "", ""),
    ("client_user_id", "folder", "folder"),
    (
        "pace_table",
        "Dropcut-prod-Storage-StateTable9728C7E5-3E2AF03A620E7",
        "Dropcut-prod-Storage-StateTable9728C7E5-3E2AF03A620E7",
    ),
    ("pace_table", "", ""),
    ("retry_base_seconds", "0.05", 0.05),
    ("pause_seconds", "1", 1.0),
    ("keep_results_days", "3650", 3650),
    ("keep_jobs_days", "57", 57),
    ("keep_versions_days", "0", 0),
    ("expire_delivered_days", "30", 30),
    ("hold_doubtful", "true", True),
    ("held_days", "1", 1),
    ("max_photo_megapixels", "400", 400.0),
    ("max_photo_mib", "500", 500.0),
    ("max_frames", "1", 1),
    ("formats", "png,jpeg,png", "jpeg,png"),
    ("formats", ["heic"], "heic"),
    ("refuse_exposed", "true", True),
    ("imaging_seconds", "5", 5.0),
    ("imaging_concurrency", "2", 2),
    ("tracing", "true", True),
    ("versioned_input", "true", True),
    ("versioned_input", False, False),
    ("rejection_alarm_percent", "100", 100),
    ("architecture", "x86_64", "x86_64"),
    ("bundle_for", "this_machine", "this_machine"),
]

BAD = [
    ("stage", "Prod"),
    ("stage", ""),
    ("stage", "a" * 17),
    ("stage", "2nd"),
    ("provider", "stability "),
    ("provider", "openai"),
    ("api_base_url", "api.ezlinkai.com"),
    ("api_base_url", "http://api.ezlinkai.com"),
    ("api_base_url", "http://127.0.0.1.example.com"),
    ("api_base_url", "https://user:secret@example.com"),
    ("api_base_url", "https://example.com/?key=1"),
    ("api_base_url", "https://exa mple.com"),
    ("api_base_url", "https://example.com:port"),
    ("api_base_url", "ftp://example.com"),
    ("api_base_url", 1),
    ("rate_limit_requests", "0"),
    ("rate_limit_requests", "1.5"),
    ("rate_limit_requests", "1e2"),
    ("rate_limit_requests", " 5"),
    ("rate_limit_requests", ""),
    ("rate_limit_requests", "five"),
    ("rate_limit_requests", True),
    ("rate_limit_requests", "١٢"),
    ("rate_limit_seconds", "0"),
    ("rate_limit_seconds", "-1"),
    ("rate_limit_seconds", "nan"),
    ("rate_limit_seconds", "inf"),
    ("rate_limit_seconds", "9" * 400),
    ("lockout_seconds", "-0.1"),
    ("credits_per_image", "0"),
    ("daily_credit_limit", "-1"),
    ("alarm_credits_per_hour", "0"),
    ("output_format", "jpg"),
    ("output_format", "PNG"),
    ("renditions", "full"),
    ("renditions", '["ful"]'),
    ("renditions", {"name": "a"}),
    ("renditions", [{"name": "a", "format": "jpeg"}]),
    ("renditions", [{"name": "a", "shadow": {"blur_percent": 50}}]),
    ("colour_profile", "p3"),
    ("input_prefix", "/photos"),
    ("input_prefix", "photos/*"),
    ("input_prefix", "photos/${aws:username}"),
    ("input_prefix", "photos/\n"),
    ("input_prefix", "a" * 513),
    ("alarm_email", "someone"),
    ("alarm_email", "a@example.com,b@example.com"),
    ("webhook_url", "http://shop.example/"),
    ("webhook_url", "https://user:secret@shop.example/"),
    ("webhook_url", "https://127.0.0.1/"),
    ("webhook_url", "https://10.0.0.1/x"),
    ("webhook_url", "https://169.254.169.254/latest/meta-data/"),
    ("webhook_url", "https://[fd00::1]/"),
    ("webhook_url", "https://2130706433/"),
    ("webhook_url", 1),
    ("webhook_events", ""),
    ("webhook_events", []),
    ("webhook_events", "Cutout Delivered"),
    ("webhook_events", "webhook.disabled"),
    ("webhook_events", "cutout.delivered, cutout.failed"),
    ("event_schemas", "yes"),
    ("max_concurrency", "1"),
    ("max_concurrency", "1001"),
    ("api_timeout_seconds", "0.5"),
    ("api_timeout_seconds", "900"),
    ("max_attempts", "0"),
    ("max_possibly_paid", "0"),
    ("pause_after_failures", "1"),
    ("pause_after_possibly_paid", "0"),
    ("pause_after_possibly_paid", "10001"),
    ("client_id", "Zürich"),
    ("client_id", "two\nlines"),
    ("client_id", " shop"),
    ("client_version", "1.0 "),
    ("client_id", "a" * 257),
    ("client_version", "\t"),
    ("client_user_id", "photo"),
    ("pace_table", "arn:aws:dynamodb:us-east-1:000000000000:table/other"),
    ("retry_base_seconds", "-1"),
    ("pause_seconds", "0"),
    ("pause_seconds", "43200"),
    ("keep_results_days", "0"),
    ("keep_results_days", "3651"),
    ("keep_jobs_days", "56"),
    ("keep_versions_days", "-1"),
    ("expire_delivered_days", "-1"),
    ("hold_doubtful", "yes"),
    ("held_days", "0"),
    ("held_days", "3650"),
    ("max_photo_megapixels", "4"),
    ("max_photo_megapixels", "401"),
    ("max_photo_mib", "0.5"),
    ("max_photo_mib", "501"),
    ("max_frames", "0"),
    ("formats", ""),
    ("formats", []),
    ("formats", "jpeg,svg"),
    ("formats", "jpeg png"),
    ("refuse_exposed", "yes"),
    ("imaging_seconds", "4"),
    ("imaging_seconds", "301"),
    ("imaging_concurrency", "1"),
    ("tracing", "on"),
    ("versioned_input", "yes"),
    ("versioned_input", "True"),
    ("versioned_input", 1),
    ("rejection_alarm_percent", "101"),
    ("architecture", "arm"),
    ("bundle_for", "docker"),
    ("provider", ["ezlink"]),
    ("max_attempts", None),
]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_a_good_value_is_read(name: str, value: object, expected: object) -> None:
    needed = {"webhook_url": "https://shop.example/"} if name == "webhook_events" else {}
    read = getattr(Settings.from_context({**needed, name: value}), name)
    assert (read, type(read)) == (expected, type(expected))


def test_every_setting_is_tried_with_a_good_and_a_bad_value() -> None:
    names = {field.name for field in fields(Settings)}
    assert names == {name for name, *_ in GOOD}
    assert names == {name for name, _ in BAD}


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_with_its_name_the_value_and_what_is_allowed(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_context({name: value})
    message = str(refusal.value)
    assert message.startswith(f"Setting {name} is {value!r}: ")
    assert message.count("Allowed: ") == 1
    assert "\n" not in message


def test_every_default_is_allowed() -> None:
    """It is kept as it stands: what was not given is not checked."""
    defaults = {field.name: field.default for field in fields(Settings)}
    # mypy cannot tell which arguments these are.
    assert Settings(**defaults) == Settings()  # type: ignore[arg-type]


def test_an_unknown_name_is_refused_with_the_nearest_and_all_known_ones() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_context({"rate_limit_request": "5"})
    message = str(refusal.value)
    assert "no setting rate_limit_request (given as '5')" in message
    assert "Did you mean rate_limit_requests?" in message
    assert all(field.name in message for field in fields(Settings))


def test_a_name_near_to_none_gets_no_guess() -> None:
    with pytest.raises(SettingsError, match="no setting zzz") as refusal:
        Settings.from_context({"zzz": "5"})
    assert "Did you mean" not in str(refusal.value)


def test_cdks_own_context_is_none_of_ours() -> None:
    context = {
        "@aws-cdk/core:checkSecretUsage": True,
        "aws:cdk:bundling-stacks": ["**"],
        "availability-zones:account=1:region=x": [],
        "cli/telemetry": "off",
    }
    assert Settings.from_context(context) == Settings()


def test_webhooks_go_to_this_machine_on_the_embedded_aws_alone() -> None:
    url = "http://127.0.0.1:8080/hook"
    assert Settings(webhook_url=url, bundle_for="this_machine").webhook_url == url
    with pytest.raises(SettingsError, match=r"webhook_url is 'http://127.0.0.1:8080/hook'.* Allowed: .*this_machine"):
        Settings(webhook_url=url)


def test_webhooks_go_to_a_public_address_too() -> None:
    assert Settings(webhook_url="https://8.8.8.8/hook").webhook_url


def test_webhook_events_without_a_receiver_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"webhook_events is .*nothing is sent without webhook_url\. Allowed: "):
        Settings(webhook_events=["cutout.failed"])


def test_the_provider_decides_url_and_price_unless_they_are_set() -> None:
    def called(**context: object) -> tuple[str, float]:
        provider = Settings.from_context(context).provider_of_api
        return provider.base_url, provider.credits_per_image

    assert called() == ("https://api.ezlinkai.com", 2)
    assert called(provider="stability") == ("https://api.stability.ai", 5)
    both = {"api_base_url": "https://x.example", "credits_per_image": 7}
    assert called(provider="stability", **both) == ("https://x.example", 7)


def test_a_daily_limit_below_one_image_is_refused() -> None:
    with pytest.raises(SettingsError, match="daily_credit_limit is 1, less than one cut-out costs"):
        Settings.from_context({"daily_credit_limit": "1"})


def deliver(settings: Settings) -> ImagingSize:
    return size_of_deliver(settings, settings.renditions_made)


@pytest.mark.parametrize("megapixels", [5, 120, MOST_MEGAPIXELS])
@pytest.mark.parametrize("mib", [1, 500])
def test_what_prepare_needs_for_two_of_the_largest_photos_is_what_lambda_has(megapixels: float, mib: float) -> None:
    settings = Settings(max_photo_megapixels=megapixels, max_photo_mib=mib)
    size = size_of_prepare(settings)
    assert 2 * decoder_mib(settings) + 256 <= size.memory_mb <= 10_240
    assert 2 * (mib * 1.05 + megapixels * 4) <= size.ephemeral_storage_mb <= 10_240


@pytest.mark.parametrize("megapixels", [5, 120, MOST_MEGAPIXELS])
@pytest.mark.parametrize("mib", [1, 500])
def test_what_deliver_needs_for_two_of_the_largest_photos_is_what_lambda_has(megapixels: float, mib: float) -> None:
    size = deliver(Settings(max_photo_megapixels=megapixels, max_photo_mib=mib))
    assert 2 * size.imaging_memory_mib + 256 <= size.memory_mb <= 10_240
    assert 2 * (mib * 1.05 + megapixels * 10) <= size.ephemeral_storage_mb <= 10_240


def test_more_renditions_at_full_size_than_a_disk_holds_are_refused() -> None:
    masks = [{"name": f"mask{number}", "alpha_only": True} for number in range(19)]
    settings = Settings.from_context({"renditions": ["full", *masks]})
    with pytest.raises(SettingsError, match="20 renditions at the full size of 120 megapixels need"):
        deliver(settings)


def test_a_paid_answer_is_kept_for_longer_than_its_cut_out_is_held() -> None:
    wrong = {"hold_doubtful": "true", "held_days": "20", "keep_results_days": "20"}
    with pytest.raises(SettingsError, match="keep_results_days of at least 21, or a smaller held_days"):
        Settings.from_context(wrong)
    assert Settings.from_context(wrong | {"keep_results_days": "21"}).held_days == 20
    assert Settings.from_context(wrong | {"hold_doubtful": "false"}).keep_results_days == 20


@pytest.mark.parametrize("output_format", ["png", "webp"])
def test_the_full_rendition_has_the_output_format(output_format: str) -> None:
    for context in ({}, {"renditions": '["preview","full"]'}):
        settings = Settings.from_context({"output_format": output_format, **context})
        assert settings.renditions_made[-1] == replace(FULL, format=output_format)


def test_the_defaults_fit_into_the_memory_that_a_new_account_has() -> None:
    assert size_of_prepare(Settings()).memory_mb <= 3008
    assert deliver(Settings()).memory_mb <= 3008


def test_no_allowed_imaging_time_is_over_lambdas() -> None:
    assert size_of_prepare(Settings(imaging_seconds=300.0)).timeout_seconds <= 900
    assert deliver(Settings(imaging_seconds=300.0)).timeout_seconds <= 900
    assert deliver(Settings(imaging_seconds=40.0)).timeout_seconds > 2 * 40 + SECONDS_AROUND_IMAGING
    assert size_of_prepare(Settings(imaging_seconds=40.0)).timeout_seconds > 40 + SECONDS_AROUND_IMAGING


@pytest.mark.parametrize(
    ("imaging_seconds", "renditions", "allowed"),
    [(40.0, 1, 40.0), (40.0, 4, 70.0), (40.0, 60, 300.0), (300.0, 3, 300)],
)
def test_more_renditions_may_take_more_time_within_lambdas(
    imaging_seconds: float, renditions: int, allowed: float
) -> None:
    small = [{"name": f"r{number}", "format": "png", "longest_side": 100} for number in range(renditions)]
    size = deliver(Settings(imaging_seconds=imaging_seconds, renditions=read_renditions(small)))
    assert size.imaging_seconds == allowed
    assert 2 * allowed < size.timeout_seconds <= 900


def test_the_documents_say_how_much_time_more_renditions_get() -> None:
    adds = f"adds {SECONDS_FOR_ANOTHER_RENDITION} s, up to {LONGEST_IMAGING_SECONDS} in all"
    assert adds in Path("docs/settings.md").read_text()


def test_no_allowed_timeout_is_over_lambdas() -> None:
    longest = max(t for t in range(1, 900) if _allowed("api_timeout_seconds", t))
    assert size_of_cut(Settings(api_timeout_seconds=float(longest))).timeout_seconds <= 900


def test_cut_has_time_to_wait_for_a_slot_twice_before_its_longest_call() -> None:
    """Once when the pace is fully booked, and once for the slot; then the call, and 15 s to store its answer."""
    settings = Settings()
    before_the_call = size_of_cut(settings).timeout_seconds - longest_call_seconds(settings.api_timeout_seconds) - 15
    assert before_the_call > 2 * HORIZON_SECONDS + 10 * settings.rate_limit_seconds / settings.rate_limit_requests


def _allowed(name: str, value: object) -> bool:
    try:
        Settings.from_context({name: value})
    except SettingsError:
        return False
    return True


@pytest.mark.slow
def test_a_bad_setting_stops_the_app_with_one_sentence_and_no_traceback() -> None:
    context = '{"max_concurrency": "1", "@aws-cdk/core:checkSecretUsage": true}'
    done = subprocess.run(
        [sys.executable, "app.py"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CDK_CONTEXT_JSON": context},
    )
    assert done.returncode == 1
    assert done.stderr.endswith(
        "Setting max_concurrency is '1': out of range. Allowed: a whole number from 2 to 1000.\n"
    )
    assert "Traceback" not in done.stderr
