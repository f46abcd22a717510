import type { Manifest } from "../langflow";

const text = { type: "string" };
const texts = { type: "object", additionalProperties: text };

/**
 * The definition of SecretProviderClass as the Secrets Store CSI driver 1.4 and later publish it (its v1 schema,
 * `config/crd/bases` of kubernetes-sigs/secrets-store-csi-driver), less descriptions and status: enough for the API server
 * to refuse a field that the driver does not have.
 */
export const SECRET_PROVIDER_CLASS: Manifest = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "secretproviderclasses.secrets-store.csi.x-k8s.io" },
  spec: {
    group: "secrets-store.csi.x-k8s.io",
    scope: "Namespaced",
    names: {
      kind: "SecretProviderClass",
      listKind: "SecretProviderClassList",
      plural: "secretproviderclasses",
      singular: "secretproviderclass",
    },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  provider: text,
                  parameters: texts,
                  secretObjects: {
                    type: "array",
                    items: {
                      type: "object",
                      properties: {
                        secretName: text,
                        type: text,
                        labels: texts,
                        annotations: texts,
                        data: {
                          type: "array",
                          items: { type: "object", properties: { objectName: text, key: text } },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};
