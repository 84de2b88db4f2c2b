"""The chart of deploy/helm: what Helm renders is what Kubernetes and its operators read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from chart.rendered import CHART, CPU, KUBERNETES, REPOSITORY, helm, refusal, render

VERSION = (REPOSITORY / "VERSION").read_text().strip()
OPERATORS = json.loads((REPOSITORY / "test" / "chart" / "operators.schema.json").read_text())

needs_helm = pytest.mark.skipif(refusal() is not None, reason=str(refusal()))

# Values of TorchServe 0.12's chart, as its users have them.
ORIGINAL = """\
torchserve_image: registry.example/mine:1
namespace: models
torchserve:
  management_port: 9081
  inference_port: 9080
  metrics_port: 9082
  grpc_inference_port: 9070
  pvd_mount: /mnt/shared/
  n_gpu: 1
  n_cpu: 3
  memory_limit: 5Gi
  memory_request: 2Gi
deployment:
  replicas: 7
persistentVolume:
  name: my-claim
  size: 1Gi
"""


def faults(content: dict[str, Any]) -> list[str]:
    """What Kubernetes, or the operator of a kind, would refuse."""
    kind = content["kind"]
    if kind in OPERATORS["definitions"]:
        schema = {"$ref": f"#/definitions/{kind}", "definitions": OPERATORS["definitions"]}
        return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(content)]
    try:
        kubernetes_validate.validate(content, KUBERNETES.rpartition(".")[0], strict=True)
    except kubernetes_validate.ValidationError as error:
        return [error.message]
    return []


def pod_of(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = objects["Deployment", "torchserve"]["spec"]["template"]["spec"]
    return pod


@needs_helm
def test_helm_finds_no_fault_in_the_chart() -> None:
    done = helm("lint", "--strict", "--kube-version", KUBERNETES, str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_helm
@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("autoscaling.kind=hpa", "serviceMonitor.enabled=true", "tokens.secret=mine"),
        (
            "autoscaling.kind=keda",
            "service.type=LoadBalancer",
            "serviceMonitor.enabled=true",
            "serviceMonitor.labels.release=prometheus",
            "service.annotations.a=b",
            "tmp_size=20Gi",
            "nodeSelector.gpu=a100",
            "podAnnotations.a=b",
            "podLabels.a=b",
            "env[0].name=A,env[0].value=b",
            "imagePullSecrets[0].name=pull",
            "tolerations[0].operator=Exists",
            "networkPolicy.inference_from[0].podSelector.matchLabels.a=b",
            "settings.load_models=all",
        ),
        (
            "tokens.disabled=true",
            "networkPolicy.enabled=false",
            "podDisruptionBudget.enabled=false",
            "torchserve.n_gpu=0",
            "drain.shutdown_delay_sec=0",
        ),
    ],
    ids=["defaults", "hpa", "keda", "closed-off"],
)
def test_everything_that_is_rendered_is_valid(settings: tuple[str, ...]) -> None:
    objects = render(*settings)
    assert {key: found for key, content in objects.items() if (found := faults(content))} == {}


def test_check_finds_what_the_operators_and_kubernetes_would_refuse() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": "x"}], "select": {}},
    }
    assert faults(service)
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "a"},
        "spec": {"selector": {}, "endpoints": [{"portName": "metrics"}]},
    }
    assert "portName" in faults(monitor)[0]


@needs_helm
def test_values_of_the_original_chart_mean_what_they_meant(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(ORIGINAL)
    objects = render(values=file)
    assert {content["metadata"]["namespace"] for content in objects.values()} == {"models"}
    assert objects["Deployment", "torchserve"]["spec"]["replicas"] == 7
    (container,) = pod_of(objects)["containers"]
    assert container["image"] == "registry.example/mine:1"
    assert container["args"] == [
        "torchserve",
        "--start",
        "--model-store",
        "/mnt/shared/model-store/",
        "--ts-config",
        "/mnt/shared/config/config.properties",
    ]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "ts": 9080,
        "ts-management": 9081,
        "ts-metrics": 9082,
        "ts-grpc": 9070,
    }
    limits = {"cpu": "3", "memory": "5Gi", "nvidia.com/gpu": 1}
    assert container["resources"] == {"limits": limits, "requests": {"cpu": "3", "memory": "2Gi"}}
    (storage,) = [v for v in pod_of(objects)["volumes"] if v["name"] == "persistent-storage"]
    assert storage["persistentVolumeClaim"]["claimName"] == "my-claim"
    service = objects["Service", "torchserve"]
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {
        "preds": 9080,
        "mdl": 9081,
        "metrics": 9082,
        "grpc": 9070,
    }
    assert service["metadata"]["annotations"]["prometheus.io/port"] == "9082"


@needs_helm
def test_stopping_pod_serves_until_it_is_known_and_has_time_to_drain() -> None:
    for values in (None, CPU):
        objects = render("drain.shutdown_delay_sec=7", values=values)
        pod = pod_of(objects)
        (container,) = pod["containers"]
        assert pod["terminationGracePeriodSeconds"] > 7 + 30
        ready = container["readinessProbe"]
        assert ready["periodSeconds"] * ready["failureThreshold"] < 7
        assert (ready["httpGet"]["path"], ready["httpGet"]["port"]) == ("/ready", "ts")
        assert container["livenessProbe"]["httpGet"]["path"] == "/ping"
        if values is None:
            # The settings file is the user's.
            assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "7"]
        else:
            text = objects["ConfigMap", "torchserve-settings"]["data"]["config.properties"]
            assert "shutdown_delay_sec=7\n" in text
            assert "lifecycle" not in container
    assert objects["Deployment", "torchserve"]["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
    }


@needs_helm
def test_tokens_are_the_same_for_all_replicas_and_come_from_a_secret() -> None:
    objects = render()
    secret = objects["Secret", "torchserve-tokens"]["data"]
    assert set(secret) == {"inference", "management"}
    assert secret["inference"] != secret["management"]
    (container,) = pod_of(objects)["containers"]
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert variables["TS_INFERENCE_TOKEN_FILE"] == "/etc/torchserve/tokens/inference"
    own = render("tokens.secret=mine")
    assert not [key for key in own if key[0] == "Secret"]
    (volume,) = [each for each in pod_of(own)["volumes"] if each["name"] == "tokens"]
    assert volume["secret"]["secretName"] == "mine"
    assert "--disable-token-auth" not in container["args"]
    assert "--disable-token-auth" in pod_of(render("tokens.disabled=true"))["containers"][0]["args"]


@needs_helm
def test_management_stays_in_the_cluster_and_among_pods_with_a_label() -> None:
    objects = render("service.type=LoadBalancer")
    ports = {port["name"] for port in objects["Service", "torchserve"]["spec"]["ports"]}
    assert ports == {"preds", "grpc"}
    inside = objects["Service", "torchserve-internal"]["spec"]
    assert (inside["type"], {port["name"] for port in inside["ports"]}) == (
        "ClusterIP",
        {"mdl", "metrics"},
    )
    rules = objects["NetworkPolicy", "torchserve"]["spec"]["ingress"]
    (managing,) = [rule for rule in rules if {"port": "ts-management"} in rule["ports"]]
    assert managing["from"] == [{"podSelector": {"matchLabels": {"torchserve-management": "true"}}}]


@needs_helm
def test_replicas_follow_the_time_in_the_queue() -> None:
    hpa = render("autoscaling.kind=hpa", "autoscaling.queue_time_ms=50")
    (metric,) = hpa["HorizontalPodAutoscaler", "torchserve"]["spec"]["metrics"]
    assert metric["external"]["target"] == {"type": "Value", "value": "50m"}
    keda = render("autoscaling.kind=keda")
    (trigger,) = keda["ScaledObject", "torchserve"]["spec"]["triggers"]
    assert "rate(ts_queue_time_seconds_bucket{" in trigger["metadata"]["query"]
    assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("Value", "0.2")
    for objects in (hpa, keda):
        assert "replicas" not in objects["Deployment", "torchserve"]["spec"]
    documented = (REPOSITORY / "docs" / "metrics.md").read_text()
    assert "| `ts_queue_time_seconds` | histogram |" in documented


@needs_helm
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("autoscaling.kind=vpa", "autoscaling"),
        ("tokens.secrets=mine", "secrets"),
        ("torchserve.inference_port=0", "inference_port"),
        ("drain.shutdown_delay_sec=-1", "shutdown_delay_sec"),
        ("torchserve.pvd_mount=shared", "pvd_mount"),
    ],
)
def test_wrong_values_are_refused_by_their_names(setting: str, said: str) -> None:
    done = helm("template", "a", str(CHART), "--kube-version", KUBERNETES, "--set", setting)
    assert done.returncode != 0
    assert said in done.stderr


def test_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == VERSION
    assert chart["version"] == VERSION.replace("rc", "-rc")
    for file, suffix in ((CHART / "values.yaml", "-gpu"), (CPU, "")):
        image = yaml.safe_load(file.read_text())["torchserve_image"]
        assert image.endswith(f"/torchserve-next:{VERSION}{suffix}")
