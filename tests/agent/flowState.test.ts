import { exportedFlow } from "../../agent/flows/flowFile";
import { STATE_FORM } from "../../agent/langflow/flowState";

const FLOW = {
  id: "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21",
  name: "Ä flow",
  description: "",
  endpoint_name: "a-flow",
  locked: true,
  icon: "Bot",
  icon_bg_color: null,
  tags: [],
  mcp_enabled: true,
  data: {
    nodes: [
      {
        id: "n",
        selected: true,
        data: { node: { template: { text: { value: "1" }, api_key: { password: true, value: "a secret" } } } },
      },
    ],
    edges: [],
    viewport: { zoom: 1 },
  },
};

describe("what is remembered of a flow", () => {
  it("has another form once the same flow has other prints, which would else look edited on both sides", () => {
    const { prints } = exportedFlow(FLOW, { variables: new Set() });
    expect({ form: STATE_FORM, prints }).toEqual({
      form: 2,
      prints: {
        graph: "Vqavd-EZLJVDgFSxAJqnDH",
        name: "GShUo5KcelLDOaIssz7DRD",
        description: "dCNOmK_nSY-12vHzasLXis",
        endpoint: "ZWniDoHUfzcP9m2d2725Ia",
        lock: "tb6kG2xiP3wJ8b8k3K5Y66",
        details: "1T6jRShXumON4sfVENm2YN",
      },
    });
  });
});
