"""The images and the compose file, as far as they can be held to something without a Docker engine."""

import re
import shlex
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import probe
from app.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("server", "worker", "worker-gpu")
_VARIABLE = re.compile(r"\$\{(\w+)(:?[-?+][^}]*)?\}")


def instructions() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile, in order; what comes before the first under ""."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    stages: dict[str, list[tuple[str, str]]] = defaultdict(list)
    stage = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.partition(" AS ")[2]
            assert stage, f"a stage without a name: {line}"
        stages[stage].append((word, rest))
    return stages


STAGES = instructions()


def lineage(stage: str) -> list[tuple[str, str]]:
    """The instructions of a stage and of all that it is made from."""
    parent = STAGES[stage][0][1].partition(" AS ")[0]
    return (lineage(parent) if parent in STAGES else []) + STAGES[stage]


def values(stage: str, word: str) -> list[str]:
    return [rest for one, rest in lineage(stage) if one == word]


def environment(service: str) -> dict[str, str]:
    given = SERVICES[service].get("environment", {})
    return {name: str(value) for name, value in given.items()}


def test_the_services_are_those_of_a_team() -> None:
    assert set(SERVICES) == {"postgres", *OURS}
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    assert "profiles" not in SERVICES["worker"]


@pytest.mark.parametrize("service", OURS)
def test_what_is_built_is_a_stage_of_the_dockerfile(service: str) -> None:
    build = SERVICES[service]["build"]
    assert build["target"] in STAGES
    assert (ROOT / build["context"] / "Dockerfile").is_file()


def test_secrets_have_no_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    found = _VARIABLE.findall(text)
    secrets = [(name, rest) for name, rest in found if re.search("PASSWORD|TOKEN|SECRET|KEY", name)]
    assert {name for name, _ in secrets} == {"POSTGRES_PASSWORD", "TRAINDECK_TOKEN"}
    assert all(rest.startswith(":?") for _, rest in secrets)
    for service in SERVICES:
        for name, value in environment(service).items():
            if re.search("PASSWORD|TOKEN|SECRET", name):
                assert value.startswith("${"), (service, name)
            assert not re.search(r"://[^/@]*:[^/@]*@", value), f"a password in the address of {service}"


@pytest.mark.parametrize("service", OURS)
def test_what_is_set_is_a_setting(service: str) -> None:
    fields = {f"TRAINDECK_{name.upper()}" for name in Settings.model_fields}
    in_image = {pair.partition("=")[0] for rest in values(service, "ENV") for pair in shlex.split(rest)}
    names = {name for name in {*environment(service), *in_image} if name.startswith("TRAINDECK_")}
    assert names
    assert names <= fields


def test_what_is_set_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("server").items():
        monkeypatch.setenv(name, _VARIABLE.sub(lambda m: (m[2] or "")[2:] if (m[2] or "")[:2] == ":-" else "x", value))
    settings = Settings()
    assert settings.database_url.startswith("postgresql://")
    assert settings.token == "x"
    assert settings.allowed_hosts == settings.allowed_origins == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_watched_and_started_again(service: str) -> None:
    one = SERVICES[service]
    assert one["restart"] == "unless-stopped"
    command = one["healthcheck"]["test"]
    assert command[0] == "CMD"
    if service in OURS:
        assert command[1:4] == ["python", "-m", "app.probe"]
        assert command[4] in probe.PROBES
        (in_image,) = values(service, "HEALTHCHECK")
        assert in_image.endswith("CMD " + str(command[1:]).replace("'", '"'))
    else:
        assert command[1] == "pg_isready"


@pytest.mark.parametrize("service", OURS)
def test_nothing_starts_before_the_database_answers(service: str) -> None:
    assert SERVICES[service]["depends_on"]["postgres"]["condition"] == "service_healthy"


@pytest.mark.parametrize("service", OURS)
def test_server_and_workers_share_the_data(service: str) -> None:
    assert "data:/data" in SERVICES[service]["volumes"]
    assert any("TRAINDECK_DATA_DIR=/data" in rest for rest in values(service, "ENV"))
    assert set(COMPOSE["volumes"]) == {"postgres", "data"}


def test_only_the_server_is_reached_and_by_default_from_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"server": ["${TRAINDECK_PUBLISH:-127.0.0.1:8000}:8000"]}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert all("outside" not in SERVICES[name]["networks"] for name in SERVICES if name != "server")


@pytest.mark.parametrize("service", OURS)
def test_nothing_runs_as_root_or_gains_rights(service: str) -> None:
    assert values(service, "USER")[-1] not in ("root", "0")
    assert lineage(service)[-1][0] == "CMD"
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    wanted = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [shlex.split(rest)[:-1] for stage in STAGES.values() for word, rest in stage if word == "COPY"]
    sources = {source for group in copied for source in group}
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
    assert sources == set(wanted)


def test_the_servers_image_has_no_torch() -> None:
    assert not any("torch" in rest or "worker.txt" in rest for rest in values("server", "RUN"))
    assert "torch" not in re.sub(r"(?m)#.*$", "", (ROOT / "requirements/server.txt").read_text())
    for worker in ("worker", "worker-gpu"):
        assert any("worker.txt" in rest for rest in values(worker, "RUN"))


@pytest.mark.parametrize("service", OURS)
def test_the_project_is_installed_from_its_wheel_and_nothing_with_it(service: str) -> None:
    assert any("--no-deps /wheels/" in rest for rest in values(service, "RUN"))


def test_images_are_pinned() -> None:
    (python,) = re.findall(r"^ARG PYTHON=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"\d+\.\d+\.\d+-slim-\w+", python)
    bases = [stage[0][1].partition(" AS ")[0] for name, stage in STAGES.items() if name]
    assert {base for base in bases if base not in STAGES} == {"python:${PYTHON}"}
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", SERVICES["postgres"]["image"])


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_a_worker_has_time_to_save_its_runs() -> None:
    grace_s: float = Settings.model_fields["cancel_grace_s"].default
    for worker in ("worker", "worker-gpu"):
        assert seconds(SERVICES[worker]["stop_grace_period"]) > 2 * grace_s


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_share_of_memory(service: str) -> None:
    resources = SERVICES[service]["deploy"]["resources"]
    assert {"limits", "reservations"} <= resources.keys()


def test_the_gpu_worker_asks_for_gpus() -> None:
    (devices,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices["capabilities"] == ["gpu"]
