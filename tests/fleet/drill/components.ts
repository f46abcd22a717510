/** The components that a drill's approval flow needs. */
export const COMPONENTS = {
  inputs: { ChatInput: { template: {}, outputs: [{ name: "message", types: ["Message"] }] } },
  flow_controls: {
    HumanInput: {
      template: { prompt: { input_types: ["Message"], type: "str" } },
      outputs: [{ name: "branch_approve", types: ["Message"] }],
    },
  },
  outputs: { ChatOutput: { template: { input_value: { input_types: ["Message"], type: "other" } }, outputs: [] } },
};
