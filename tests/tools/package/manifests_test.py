"""The Kubernetes manifests: yamllint passes, they fit each other and the image, and the pod asks for no rights.
What Prometheus reads passes yamllint, too.

Runs under the Python that Debian's yamllint is made for, which has its yaml. KV_PROGRAMS names the folder of the
programs.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

TREE = Path(__file__).resolve().parents[3]
FOLDER = TREE / "tools/deploy/kubernetes"
DOCKERFILE = (TREE / "tools/deploy/Dockerfile").read_text("utf-8")
KINDS = {"ConfigMap": "v1", "Service": "v1", "NetworkPolicy": "networking.k8s.io/v1",
         "PodDisruptionBudget": "policy/v1", "StatefulSet": "apps/v1"}
DEADLINE_S = 60


def lint(*paths: str) -> subprocess.CompletedProcess:
    """As somebody calls it at the top of the tree."""
    return subprocess.run(["yamllint", "--strict", *paths], capture_output=True, text=True, timeout=DEADLINE_S,
                          cwd=TREE)


def in_dockerfile(instruction: str) -> str:
    return re.search(rf"^{instruction} (.*)$", DOCKERFILE, re.M)[1]


class ManifestsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        documents = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]
        cls.manifests = {document["kind"]: document for document in documents}
        cls.labels = {"app.kubernetes.io/name": "kv-server"}
        cls.pod = cls.manifests["StatefulSet"]["spec"]["template"]
        (cls.container,) = cls.pod["spec"]["containers"]

    def test_yamllint_has_nothing_against_them(self) -> None:
        done = lint("tools/deploy", "tools/monitoring", "tests/tools/monitoring")
        self.assertEqual((done.stdout, done.returncode), ("", 0))

    def test_yamllint_sees_a_fault(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("a: 1\na: 2\n")
            file.flush()
            self.assertIn("duplication of key", lint(file.name).stdout)

    def test_there_is_one_of_each_kind_and_all_mean_the_same_pod(self) -> None:
        self.assertEqual({kind: document["apiVersion"] for kind, document in self.manifests.items()}, KINDS)
        specs = {kind: document.get("spec", {}) for kind, document in self.manifests.items()}
        self.assertEqual(self.pod["metadata"]["labels"], self.labels)
        self.assertEqual(specs["Service"]["selector"], self.labels)
        self.assertEqual(specs["StatefulSet"]["serviceName"], self.manifests["Service"]["metadata"]["name"])
        for kind, selector in (("StatefulSet", "selector"), ("PodDisruptionBudget", "selector"),
                               ("NetworkPolicy", "podSelector")):
            self.assertEqual(specs[kind][selector], {"matchLabels": self.labels})

    def test_the_pod_is_what_the_image_expects(self) -> None:
        user, group = map(int, in_dockerfile("USER").split(":"))
        context = self.pod["spec"]["securityContext"]
        self.assertEqual((context["runAsUser"], context["runAsGroup"], context["fsGroup"]), (user, group, group))
        port, _ = self.container["ports"]
        self.assertEqual(port["containerPort"], int(in_dockerfile("EXPOSE")))
        self.assertEqual(self.manifests["Service"]["spec"]["ports"][0]["targetPort"], port["name"])
        mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.assertEqual(mounts["data"], in_dockerfile("VOLUME"))
        self.assertEqual(f"{mounts['settings']}/kv-server.toml", in_dockerfile("ENV").split("=")[1])
        claims = [claim["metadata"]["name"] for claim in self.manifests["StatefulSet"]["spec"]["volumeClaimTemplates"]]
        self.assertEqual({volume["name"] for volume in self.pod["spec"]["volumes"]} | set(claims), set(mounts))
        version = re.search(r"^project\(kv-server VERSION (\S+)", (TREE / "CMakeLists.txt").read_text("utf-8"), re.M)
        self.assertEqual(self.container["image"], f"kv-server:{version[1]}")

    def test_the_pod_meets_the_restricted_standard(self) -> None:
        pod, container = self.pod["spec"]["securityContext"], self.container["securityContext"]
        self.assertIs(pod["runAsNonRoot"], True)
        self.assertEqual(pod["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertIs(container["allowPrivilegeEscalation"], False)
        self.assertEqual(container["capabilities"], {"drop": ["ALL"]})
        self.assertIs(container["readOnlyRootFilesystem"], True)
        self.assertIn("memory", self.container["resources"]["limits"])

    def test_the_server_takes_the_settings_of_the_pod_and_of_the_image(self) -> None:
        image = (TREE / "tools/deploy/kv-server.toml").read_text("utf-8")
        for text in (self.manifests["ConfigMap"]["data"]["kv-server.toml"], image):
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(text)
                file.flush()
                done = subprocess.run([f"{os.environ['KV_PROGRAMS']}/kv-server", "--config", file.name,
                                       "--check-config"], capture_output=True, text=True, timeout=DEADLINE_S, env={})
            self.assertEqual((done.stdout, done.stderr), ("configuration is valid\n", ""))

    def test_its_probes_ask_the_admin_listener_which_no_client_reaches(self) -> None:
        probes = {name: self.container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
        self.assertEqual({name: (probe["path"], probe["port"]) for name, probe in probes.items()},
                         {"startupProbe": ("/livez", "admin"), "readinessProbe": ("/readyz", "admin"),
                          "livenessProbe": ("/livez", "admin")})
        _, port = self.container["ports"]
        self.assertEqual(port["name"], "admin")
        settings = self.manifests["ConfigMap"]["data"]["kv-server.toml"]
        self.assertIn(f'admin-bind = "0.0.0.0:{port["containerPort"]}"\n', settings)
        self.assertEqual([port["port"] for port in self.manifests["Service"]["spec"]["ports"]], [6380])

    def test_the_admin_port_is_the_one_that_prometheus_is_told(self) -> None:
        prometheus = yaml.safe_load((TREE / "tools/monitoring/prometheus.yml").read_text("utf-8"))
        targets = prometheus["scrape_configs"][0]["static_configs"][0]["targets"]
        _, port = self.container["ports"]
        self.assertEqual(targets, [f"127.0.0.1:{port['containerPort']}"])
        for page in ("tools/monitoring/README.md", "docs/operations.md"):
            told = re.findall(r"""admin-bind(?: = "| )127.0.0.1:(\d+)""", (TREE / page).read_text("utf-8"))
            self.assertEqual(set(told), {str(port["containerPort"])}, page)

    def test_clients_monitoring_and_traces_pass_the_policy_and_nobody_else(self) -> None:
        policy = self.manifests["NetworkPolicy"]["spec"]
        self.assertEqual(set(policy["policyTypes"]), {"Ingress", "Egress"})
        passes = {}
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy[direction]:
                (peer,) = rule[peers]
                self.assertTrue(all(selector["matchLabels"] for selector in peer.values()), peer)
                namespace = peer.get("namespaceSelector", {"matchLabels": {}})["matchLabels"]
                (pod,) = peer["podSelector"]["matchLabels"].items()
                who = (direction, namespace.get("kubernetes.io/metadata.name"), *pod)
                passes[who] = [(port["port"], port.get("protocol", "TCP")) for port in rule["ports"]]
        self.assertEqual(passes, {
            ("ingress", None, "kv-server-client", "true"): [("kv", "TCP")],
            ("ingress", "monitoring", "app.kubernetes.io/name", "prometheus"): [("admin", "TCP")],
            ("egress", "monitoring", "app.kubernetes.io/name", "opentelemetry-collector"): [(4318, "TCP")],
            ("egress", "kube-system", "k8s-app", "kube-dns"): [(53, "UDP"), (53, "TCP")]})


if __name__ == "__main__":
    unittest.main()
