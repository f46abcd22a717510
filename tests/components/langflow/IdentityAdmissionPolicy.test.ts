import { manifest, recordLangFlow } from "../../langflow";

describe("IdentityAdmissionPolicy", () => {
  it("checks all new pods of only this namespace and fails closed", async () => {
    const resources = await recordLangFlow();
    const { spec } = manifest(resources, "ValidatingAdmissionPolicy", "langflow-identities");
    expect(spec.failurePolicy).toBe("Fail");
    expect(spec.matchConstraints.namespaceSelector).toEqual({
      matchLabels: { "kubernetes.io/metadata.name": "langflow" },
    });
    expect(spec.matchConstraints.resourceRules).toMatchObject([{ operations: ["CREATE"], resources: ["pods"] }]);
    expect(spec.matchConditions).toBeUndefined();
    const binding = manifest(resources, "ValidatingAdmissionPolicyBinding", "langflow-identities");
    expect(binding.spec).toEqual({ policyName: "langflow-identities", validationActions: ["Deny"] });
  });
});
