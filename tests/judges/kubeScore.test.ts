import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { manifests, type Rendered, spoiled } from "./rendered";
import { explained, type Finding, report, type Skip, stale, unexplained } from "./skips";
import { kubeScore, run } from "./tools";

/** A Kubernetes version that kube-score's list of deprecated APIs covers and that the clusters have already passed. */
const KUBERNETES_VERSION = "v1.35";

const SKIPS: Skip[] = [
  {
    rule: "container-image-pull-policy",
    reason: "images are named by digest: what a node has is what was asked for, and no start waits for the registry",
  },
  {
    rule: "container-security-context-user-group-id",
    reason:
      "user and group are those of LangFlow's image and of the files on the claim (1000), of Grafana's image in its pod (472)",
  },
  {
    rule: "deployment-has-host-podantiaffinity",
    of: /Deployment.* langflow-/,
    reason: "topologySpreadConstraints spread over zones strictly and over hosts where possible",
  },
  {
    rule: "deployment-strategy",
    of: /flow-sync/,
    reason: "Recreate: two agents of one region must never write side by side",
  },
  { rule: "deployment-replicas", of: /flow-sync/, reason: "one writer a region: docs/decisions/0018-one-writer.md" },
  {
    rule: "deployment-strategy",
    of: / observability (prometheus|alertmanager)-/,
    reason: "Recreate: a disk is on one node at a time, and two would be two histories",
  },
  {
    rule: "deployment-replicas",
    of: / observability /,
    reason: "one of each a region: docs/decisions/0025-observability.md",
  },
  {
    rule: "pod-probes-identical",
    of: /blackbox-exporter|grafana|collector/,
    reason: "one question in two measures: out of service after 30 s, restarted only after a minute and a half",
  },
  {
    rule: "pod-probes-identical",
    of: /flow-sync/,
    reason: "one question in two measures: out of service after 30 s, restarted only after a minute",
  },
  {
    rule: "cronjob-has-deadline",
    of: /restore|move-in/,
    reason: "suspended for ever: a person starts it by making a Job of it",
  },
];

interface Scored {
  readonly object_name: string;
  readonly type_meta: { kind: string };
  readonly file_name: string;
  readonly checks: {
    readonly check: { id: string };
    /** 10 means passed, below 7 is a warning, and below 5 is critical. */
    readonly grade: number;
    readonly skipped: boolean;
    readonly comments: { path: string; summary: string }[] | null;
  }[];
}

interface Score {
  readonly objects: number;
  readonly checks: number;
  readonly findings: Finding[];
}

/** Runs kube-score on all manifests of one region together. */
async function score(objects: readonly Rendered[]): Promise<Score> {
  const folder = mkdtempSync(join(tmpdir(), "kube-score-"));
  try {
    const files = objects.map(({ inputs }, index) => {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, stringify(inputs));
      return file;
    });
    const options = ["--output-format", "json", "--kubernetes-version", KUBERNETES_VERSION];
    const scored: Scored[] = JSON.parse(await run(await kubeScore(), ["score", ...options, ...files], "", [0, 1]));
    const done = scored.flatMap(({ object_name, checks }) =>
      checks.filter(({ skipped }) => !skipped).map((each) => ({ ...each, who: object_name })),
    );
    return {
      objects: objects.length,
      checks: done.length,
      findings: done
        .filter(({ grade }) => grade < 7)
        .map(({ check, who, comments }) => ({
          rule: check.id,
          who: who.replaceAll("/", " "),
          detail: (comments ?? []).map(({ path, summary }) => `${path} ${summary}`.trim()).join("; "),
        })),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("kube-score", () => {
  const all = manifests();
  const ofRegion = (region: string) => all.filter(({ stack }) => stack === region);
  const regions = [...new Set(all.map(({ stack }) => stack))];
  let scores: Score[];

  beforeAll(async () => {
    scores = await Promise.all(regions.map((region) => score(ofRegion(region))));
  });

  it("finds nothing in the manifests of any region except documented exceptions", () => {
    const findings = scores.flatMap((each) => each.findings);
    const sum = (count: (each: Score) => number) => scores.map(count).reduce((one, other) => one + other, 0);
    report(
      "kube-score",
      `  ${sum(({ objects }) => objects)} manifests, ${sum(({ checks }) => checks)} checks, ${findings.length} held against us`,
      ...explained(findings, SKIPS),
    );
    expect(regions.length).toBeGreaterThan(1);
    expect(unexplained(findings, SKIPS)).toEqual([]);
    expect(stale(findings, SKIPS)).toEqual([]);
  });

  const pod = (inputs: Rendered["inputs"]) => (inputs.spec.jobTemplate ?? inputs).spec.template.spec;
  const container = (inputs: Rendered["inputs"]) => pod(inputs).containers[0];
  const BROKEN: [rule: string, type: string, change: (inputs: Rendered["inputs"]) => void][] = [
    [
      "container-image-tag",
      "Deployment",
      (inputs) => {
        container(inputs).image = "langflow:latest";
      },
    ],
    [
      "container-resources",
      "Deployment",
      (inputs) => {
        delete container(inputs).resources;
      },
    ],
    [
      "container-security-context-privileged",
      "Deployment",
      (inputs) => {
        container(inputs).securityContext.privileged = true;
      },
    ],
    [
      "container-security-context-readonlyrootfilesystem",
      "CronJob",
      (inputs) => {
        delete container(inputs).securityContext.readOnlyRootFilesystem;
      },
    ],
    [
      "environment-variable-key-duplication",
      "Deployment",
      (inputs) => {
        container(inputs).env = [
          { name: "A", value: "1" },
          { name: "A", value: "2" },
        ];
      },
    ],
    [
      "pod-probes",
      "Deployment",
      (inputs) => {
        delete container(inputs).readinessProbe;
      },
    ],
    [
      "pod-networkpolicy",
      "Deployment",
      (inputs) => {
        inputs.spec.template.metadata.labels = { app: "stranger" };
        inputs.metadata.namespace = "elsewhere";
      },
    ],
    [
      "service-targets-pod",
      "Service",
      (inputs) => {
        inputs.spec.selector = { app: "nobody" };
      },
    ],
    [
      "service-type",
      "Service",
      (inputs) => {
        inputs.spec.type = "NodePort";
      },
    ],
    [
      "networkpolicy-targets-pod",
      "NetworkPolicy",
      (inputs) => {
        inputs.spec.podSelector = { matchLabels: { app: "nobody" } };
      },
    ],
    [
      "horizontalpodautoscaler-has-target",
      "HorizontalPodAutoscaler",
      (inputs) => {
        inputs.spec.scaleTargetRef.name = "nobody";
      },
    ],
    [
      "deployment-has-poddisruptionbudget",
      "PodDisruptionBudget",
      (inputs) => {
        inputs.spec.selector = { matchLabels: { app: "nobody" } };
      },
    ],
  ];

  it("reports every deliberately broken manifest", async () => {
    const [region = ""] = regions;
    const clean = new Set((await score(ofRegion(region))).findings.map(({ rule, who }) => `${rule} ${who}`));
    const missed = await Promise.all(
      BROKEN.map(async ([rule, type, change]) => {
        const broken = spoiled(ofRegion(region), type, change);
        const others = ofRegion(region).filter(({ type, name }) => type !== broken.type || name !== broken.name);
        const { findings } = await score([...others, broken]);
        return findings.some((found) => found.rule === rule && !clean.has(`${rule} ${found.who}`)) ? [] : [rule];
      }),
    );
    report("kube-score", `  caught ${BROKEN.length - missed.flat().length} of ${BROKEN.length} spoiled manifests`);
    expect(missed.flat()).toEqual([]);
  });
});
