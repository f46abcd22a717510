import * as fc from "fast-check";
import { imagePattern, imageReference } from "../../../model/images";
import { manifest, REGISTRY, recordLangFlow } from "../../langflow";

describe("ImageAdmissionPolicy", () => {
  it("denies violations by new and updated pods and ephemeral containers, only in LangFlow's namespace, and fails closed", async () => {
    const resources = await recordLangFlow();
    const policy = manifest(resources, "ValidatingAdmissionPolicy", "langflow-images");
    expect(policy.spec.failurePolicy).toBe("Fail");
    expect(policy.spec.matchConstraints.namespaceSelector).toEqual({
      matchLabels: { "kubernetes.io/metadata.name": "langflow" },
    });
    const [rule, ...others] = policy.spec.matchConstraints.resourceRules;
    expect(others).toEqual([]);
    expect(rule).toMatchObject({ operations: ["CREATE", "UPDATE"], resources: ["pods", "pods/ephemeralcontainers"] });
    const binding = manifest(resources, "ValidatingAdmissionPolicyBinding", "langflow-images");
    expect(binding.spec).toEqual({ policyName: policy.metadata.name, validationActions: ["Deny"] });
  });

  it("exempts only updates that leave a pod's spec unchanged", async () => {
    const { spec } = manifest(await recordLangFlow(), "ValidatingAdmissionPolicy", "langflow-images");
    expect(spec.matchConstraints).not.toHaveProperty("excludeResourceRules");
    expect(spec.matchConditions).toEqual([
      { name: "spec-is-new", expression: "oldObject == null || object.spec != oldObject.spec" },
    ]);
  });

  it("checks every list in a pod that can contain an image", async () => {
    const [{ expression }] = manifest(await recordLangFlow(), "ValidatingAdmissionPolicy", "langflow-images").spec
      .validations;
    for (const field of ["containers", "initContainers", "ephemeralContainers", "volumes"])
      expect(expression).toContain(`object.spec.?${field}.`);
  });

  it("writes the registry's pattern as a CEL literal that parses back unchanged", async () => {
    const [{ expression }] = manifest(await recordLangFlow(), "ValidatingAdmissionPolicy", "langflow-images").spec
      .variables;
    expect(JSON.parse(expression)).toBe(imagePattern(REGISTRY));
  });
});

describe("imagePattern", () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const repository = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`);
  const image = fc.record({ repository, version: fc.constant("1.13.0"), digest });
  const allowed = new RegExp(imagePattern(REGISTRY));

  it("accepts every image of the registry by digest", () => {
    void fc.assert(fc.property(image, (each) => allowed.test(imageReference(REGISTRY, each))));
  });

  it("rejects a tag, with or without a digest", () => {
    void fc.assert(
      fc.property(image, word, (each, tag) => {
        const tagged = `${REGISTRY}/${each.repository}:${tag}`;
        return !allowed.test(tagged) && !allowed.test(`${tagged}@${each.digest}`);
      }),
    );
  });

  it("rejects every other registry, including similar names", () => {
    const other = fc.oneof(
      fc.domain(),
      word.map((prefix) => `${prefix}${REGISTRY}`),
      word.map((prefix) => `${prefix}/${REGISTRY}`),
      fc.constant(REGISTRY.replace(".dkr.", "xdkr.")),
      fc.constant(`${REGISTRY}.example.com`),
    );
    void fc.assert(fc.property(image, other, (each, host) => !allowed.test(imageReference(host, each))));
  });
});
