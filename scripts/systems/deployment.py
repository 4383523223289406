"""The files by which the example systems are deployed, held against the schemas of what reads them.

The judges come from PyPI into .build/judges. No container engine and no cluster is needed, so no image is built here.
"""
import json
import re
import shutil
import subprocess

from running import ROOT, SCRATCH

DEPLOY = ROOT / "Examples/Deploy"
PACKAGES = ("check-jsonschema", "kubernetes-validate", "pyyaml")


def judge(name):
    """The path of a program of one of the packages."""
    folder = SCRATCH / "judges"
    if not (folder / "bin/kubernetes-validate").exists():
        subprocess.run(["python3", "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", *PACKAGES], check=True)
    return folder / "bin" / name


def documents(text):
    """The documents of a file of YAML."""
    code = "import json, sys, yaml; print(json.dumps([d for d in yaml.safe_load_all(sys.stdin) if d]))"
    return json.loads(subprocess.run([judge("python3"), "-c", code], input=text, capture_output=True, text=True, check=True).stdout)


def drain():
    """How many seconds a process of ours takes at most to end."""
    source = (ROOT / "Examples/Sources/ExampleSupport/ExampleSystem.swift").read_text()
    return int(re.search(r"maximumGracefulShutdownDuration = \.seconds\((\d+)\)", source).group(1))


def compose(system):
    """Judges the compose file of a system and returns it."""
    path = DEPLOY / f"{system}.compose.yaml"
    result = subprocess.run([judge("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", path], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    content = documents(path.read_text())[0]
    ours = {name: service for name, service in content["services"].items() if "build" in service}
    for name, service in ours.items():
        assert int(service["stop_grace_period"].removesuffix("s")) > drain(), name
        dockerfile = path.parent / service["build"]["context"] / service["build"]["dockerfile"]
        assert dockerfile.exists() and service["build"]["args"]["SYSTEM"] == system, service["build"]
    brokers = [service for service in content["services"].values() if "rabbitmq" in service["image"]]
    assert brokers and all(any(v.endswith(":/var/lib/rabbitmq") for v in broker["volumes"]) and broker["hostname"] for broker in brokers)
    return content


def dockerfile():
    text = (DEPLOY / "Dockerfile").read_text()
    assert text.count("\nFROM ") == 2 and "COPY --from=build" in text and "\nUSER 10001" in text
    assert not re.search(r"password|secret|_PASS", re.sub(r"(?m)^#.*$", "", text), re.IGNORECASE)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert {".git", "**/.build", "**/*.env", "**/data"} <= set(ignored)


def bookspace():
    """Yields a sentence for what holds now."""
    services = compose("bookspace")["services"]
    broker = services["bookspace-rabbitmq"]
    assert broker["container_name"] == "bookspace-rabbitmq" and broker["ports"] == ["127.0.0.1:5672:5672", "127.0.0.1:15672:15672"], broker
    assert (broker["environment"]["RABBITMQ_DEFAULT_USER"], broker["environment"]["RABBITMQ_DEFAULT_PASS"]) == ("admin", "admin123")
    assert services["api"]["command"][0] == "api" and services["worker"]["command"][0] == "worker"
    yield "the compose file is valid: bookspace-rabbitmq with admin/admin123 on 5672 and 15672, and the two services, built by the Dockerfile"
    rules = [rule for group in documents((DEPLOY / "alerts.yaml").read_text())[0]["groups"] for rule in group["rules"]]
    known = (ROOT / "docs/observability.md").read_text()
    for rule in rules:
        assert {"alert", "expr", "for", "labels", "annotations"} <= set(rule) and rule["annotations"]["summary"], rule
        named = re.findall(r"\bwarren_\w+", rule["expr"])
        assert named and all(f"`{name}`" in known for name in named), rule["expr"]
    assert any(rule["expr"].startswith("warren_dead_letters") for rule in rules), rules
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "rules", DEPLOY / "alerts.yaml"], check=True, capture_output=True)
    yield f"alert rules for those on call ({len(rules)}): each is about metrics that there are, the first about dead letters"


def backstage(port):
    """Yields a sentence for what holds now. `port` is that of a process of the system that is ready."""
    dockerfile()
    services = compose("backstage")["services"]
    for system in ("bookspace", "movie-booking"):
        compose(system)
    assert services["backstage-rabbitmq"]["ports"] == ["127.0.0.1:5672:5672", "127.0.0.1:15672:15672"]
    check = services["users"]["healthcheck"]["test"][1:]
    for number, status in ((port, 0), (1, 1)):
        probe = [part.replace("8080", str(number)) for part in check]
        assert subprocess.run(probe, capture_output=True).returncode == status, probe
    yield ("compose files of backstage, bookspace and movie-booking are valid and name the Dockerfile; RabbitMQ has a volume and a stable name; "
           "the health check tells a ready service from none")
    files = sorted(path for path in (DEPLOY / "backstage").rglob("*.yaml") if path.name != "kustomization.yaml")
    variants = {}
    if shutil.which("kubectl"):
        for variant in ("base", "cluster"):
            built = subprocess.run(["kubectl", "kustomize", DEPLOY / "backstage" / variant], capture_output=True, text=True)
            assert built.returncode == 0, built.stderr
            path = SCRATCH / f"backstage-{variant}.yaml"
            path.write_text(built.stdout)
            variants[variant] = documents(built.stdout)
            files.append(path)
    # A patch is no whole manifest, and judged as part of what it makes.
    files = [path for path in files if path.parent != DEPLOY / "backstage/cluster" or path.name == "disruption.yaml"]
    result = subprocess.run([judge("kubernetes-validate"), "--strict", "--quiet", *files], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    yield f"{len(files)} files of Kubernetes manifests are valid" + ("" if variants else " (kubectl is not here, so kustomize did not build them)")
    for variant, resources in variants.items():
        manifests(variant, resources)
    if variants:
        yield ("base and cluster: the single pod backstage-rabbitmq (5672, 15672) and three nodes, each with a volume; data services are StatefulSets of one, "
               "email runs in three pods; probes everywhere; secrets only by reference; pods are given longer than a drain takes")


def manifests(variant, resources):
    named = {(resource["kind"], resource["metadata"]["name"]): resource for resource in resources}
    assert not any(kind == "Secret" for kind, _ in named)
    ports = {port["port"] for port in named["Service", "backstage-rabbitmq"]["spec"]["ports"]}
    assert ports == {5672, 15672}, ports
    pods = {name: resource["spec"] for (kind, name), resource in named.items() if kind in ("StatefulSet", "Deployment")}
    assert set(pods) == {"backstage-rabbitmq", "users", "publications", "tickets", "market", "notifications", "email", "analytics"}, set(pods)
    for name, spec in pods.items():
        kind = "Deployment" if name == "email" else "StatefulSet"
        replicas = {"email": 3, "backstage-rabbitmq": 1 if variant == "base" else 3}.get(name, 1)
        assert (kind, name) in named and spec["replicas"] == replicas, name
        assert kind == "Deployment" or spec["volumeClaimTemplates"], name
        pod = spec["template"]["spec"]
        container = pod["containers"][0]
        assert pod["terminationGracePeriodSeconds"] > drain() + 5, name
        assert all(probe in container for probe in ("startupProbe", "livenessProbe", "readinessProbe")), name
        for variable in container["env"]:
            is_secret = any(word in variable["name"] for word in ("PASS", "COOKIE", "SMTP", "USER"))
            assert not is_secret or "secretKeyRef" in variable["valueFrom"], variable
        if name != "backstage-rabbitmq":
            assert container["args"][:2] == ["service", name] and spec["selector"]["matchLabels"]["app.kubernetes.io/name"] == name, name
            assert kind == "Deployment" or (spec["serviceName"] == name and ("Service", name) in named), name
